"""What happens, told to a NATS server: live events as they come, durable ones into a stream without a gap."""
