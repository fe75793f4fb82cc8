"""The screens: ``chat`` is where one is, ``welcome`` is before there is an account.

Each screen is put together from parts of one idea: ``base`` asks the client, ``rooms_part`` opens rooms,
``history_part`` fills what is missing in them,
``messages_part`` acts on messages, ``deeds`` does the slash commands.
"""
