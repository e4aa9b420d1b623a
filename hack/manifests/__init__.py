"""The manifests that a cluster gets, made from Python: `make generate` writes them, `make verify` compares them."""
