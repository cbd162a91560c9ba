"""The honest judge: the protocol, its metrics and checks, and the results that it leaves behind."""
