"""The command that starts the app, apart from the others: it must not wait for torch."""

import argparse
import os
import sys
from pathlib import Path


def serve(options: argparse.Namespace) -> None:
    """Start the app with these options."""
    settings = {
        "STEERING_MODEL": options.model,
        "STEERING_QUANTIZATION": options.quantization,
        "STEERING_DTYPE": options.dtype,
        "STEERING_DEVICE": options.device,
        "GRADIO_SERVER_NAME": options.host,
        "GRADIO_SERVER_PORT": options.port,
    }
    os.environ.update({key: str(value) for key, value in settings.items() if value is not None})
    # app.py lies beside the package, as the entry of a Space has to.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import app

    app.main()
