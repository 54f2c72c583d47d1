"""PyTorch on the CPU: the most reliable backend, and the slowest."""
