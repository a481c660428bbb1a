"""A network for whole rows: it reads a group's seeds in context and writes correlated rows.

``prior`` draws the groups it is trained on, ``conjugate`` is its regression layer, ``network`` the
network, ``training`` its recipe, ``writer`` what writes rows with it, ``fidelity`` how near it is.
"""
