"""The client side of any secure real-time program in a terminal, whatever the program is about.

Trust in a server, login, sessions and tickets, one connection that reconnects, and the layer that other
people's text passes on its way to the terminal. It knows no room, no message and no encryption.
"""
