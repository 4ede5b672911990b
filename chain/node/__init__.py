"""Solana's nodes: JSON-RPC, several of them as one, websockets, and what they say of fees."""
