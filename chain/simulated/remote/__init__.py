"""The simulated market on a cluster that is reached by JSON-RPC alone, such as devnet: all it does are transactions."""
