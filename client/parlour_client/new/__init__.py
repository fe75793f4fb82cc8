"""`parlour new`: writes a project on Parlour's kit, from one of the examples.

``project_name`` checks the name, ``project`` writes the files, ``this_parlour`` says how the project installs
the Parlour that made it. ``project/`` has what every project gets around its example.
"""
