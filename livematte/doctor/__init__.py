"""`livematte doctor`: what works on this computer, what does not, and what to do about it.

One file for each kind of check. Each check imports what it checks where it uses it, so that a
missing or broken package fails one check and not the whole command.
"""
