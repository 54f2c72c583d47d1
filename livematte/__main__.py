"""`python -m livematte`."""

from livematte.cli import main

if __name__ == "__main__":
    main()
