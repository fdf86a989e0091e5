"""`python -m kdse.plugin.enh_s2t_train --config stock.yaml ...`: ESPnet's own joint trainer, which then knows kdse's separators."""

import sys

from espnet2.bin import enh_s2t_train

from kdse.plugin.enh_train import stock

if __name__ == "__main__":
    sys.exit(stock(enh_s2t_train.main))
