"""`python -m tfadv`: the command line, as `tfadv` runs it. Nothing imports this file, so no layer is broken."""

from tfadv_cli.main import main

if __name__ == "__main__":
    main()
