"""Everything a person can tell Parlour to do, defined once: names, arguments, help, handlers, results.

``table`` lists the commands, ``command`` says what one is, ``parse`` reads a line of a chat; the other
modules hold the handlers, one a subject. Front ends only parse, ask questions and show results.
"""
