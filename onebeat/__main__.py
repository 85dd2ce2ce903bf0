"""What does `python -m onebeat` do? The same as the `onebeat` command."""

from onebeat.cli import main

if __name__ == "__main__":
    main()
