"""The order of tests: whole recipes first, so that no process is left alone with one of them at the end."""


def pytest_collection_modifyitems(items: list) -> None:
    """Move files with a test of a recipe to the front; the order of tests within a file stays."""
    first = {item.path for item in items if item.get_closest_marker("recipe")}
    items.sort(key=lambda item: item.path not in first)
