"""Networks in plain torch; nothing here knows ESPnet."""
