"""Keep the libraries from printing what a user of the command cannot use."""

import logging
import warnings


def quiet_libraries() -> None:
    """Silence progress bars and notices that tell a user of this command nothing."""
    import datasets
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    for library in ("accelerate", "huggingface_hub", "torch.onnx"):
        logging.getLogger(library).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="torch")
