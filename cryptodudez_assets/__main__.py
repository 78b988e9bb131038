"""Where the `cryptodudez` command begins; `python -m cryptodudez_assets` is the same."""

from cryptodudez_assets.terminal import insist_on_utf8, speak


def start() -> None:
    """Run the command that was typed."""
    insist_on_utf8()
    from cryptodudez_assets.cli import main

    speak(main)


if __name__ == "__main__":
    start()
