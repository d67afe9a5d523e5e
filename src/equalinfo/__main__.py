"""`python -m equalinfo` is the `equalinfo` command."""

from equalinfo.cli import main

if __name__ == "__main__":
    main()
