"""The command line: parse, call, print. Everything that knows something lives in `tfadv`."""
