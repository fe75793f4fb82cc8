"""All commands, defined once: names, arguments, help, handlers, results.

``table`` lists the commands, ``command`` defines what one is, ``parse`` reads a line of a chat; the other
modules have the handlers, one subject each. Front ends only parse, ask questions and show results.
"""
