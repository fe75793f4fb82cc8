"""The chat screen: ``screen`` lays out the widgets and makes their controllers, one file for each.

``navigation`` opens rooms, ``timeline_controller`` fills the timeline, ``composer_controller`` sends,
``message_actions`` acts on messages, ``slash_commands`` runs commands and ``results`` shows their results.
"""
