"""`python -m lanectl` is `lanectl`."""

from lanectl.cli import run

if __name__ == "__main__":
    run()
