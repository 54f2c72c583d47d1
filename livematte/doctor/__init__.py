"""`livematte doctor`: what works on this computer, what does not, and what to do about it.

One file for each kind of check. They import what they check where they use it, so that what is
missing or broken is one check's problem and not the whole command's.
"""
