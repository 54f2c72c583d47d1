"""The CUDA renderer, checked without a GPU.

A CPU has no streams that overtake each other, no pinned memory and no rules about devices, so that
running the same code there proves little. Each module here stands for one thing that it lacks:

    executor    streams that run in any order a device might choose, and a detector of races
    recorder    a device for the ring whose copies and computing are the executor's
    strict      the rules of CUDA kernels that PyTorch's fake tensors leave out
    fakeguard   fake tensors and wrappers on "cuda:0" in a PyTorch that was built without CUDA
    simulation  a `torch.cuda` whose tensors hold true numbers and whose graphs are true replays

What none of them can know, `test_gpu.py` tests where a GPU is.
"""
