"""Local stand-ins that speak the real protocols: a Solana JSON-RPC node and a Jupiter-compatible API."""
