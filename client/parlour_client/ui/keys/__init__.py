"""Keys: which there are and how a person changes them, the layer for hands that know vi, and jumping.

``rebind`` turns settings into Textual's key map and says what conflicts; ``vim`` is a layer over the
defaults; ``jump`` paints a letter on whatever can be reached.
"""
