"""What every secure real-time program in a terminal needs on its user's side, whatever the program is about.

Trust in a server, login, sessions and tickets, one connection that reconnects, and the layer that other
people's text passes on its way to the terminal. It knows no room, no message and no encryption.
"""
