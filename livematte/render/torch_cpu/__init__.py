"""PyTorch on the CPU: the surest way, and the slowest."""
