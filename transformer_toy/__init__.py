"""A transformer small enough to write down that generates synthetic minority data.

It reads a group's seeds as context and writes the law of the group's next samples. The modules:

* the network: `model` (one set of weights, no positions), `heads` (raw outputs to a law);
* weights by hand, exact: `constructed`, and `constructed_rows` for rows of correlated features;
  weights by training: `tasks` (families of groups with their exact predictive), `train`,
  `checkpoint`;
* whole rows of correlated features, trained: `rows`, with its own network, prior, recipe and
  judgement; it is what `generate` uses;
* its use: `seeds` (a table and its units), `generate`;
* its judgement, in `evaluation`: what one could use instead, the divergence from the exact
  predictive, and what the gap costs a classifier;
* `commands`: ``oversampling generate``, ``train``, ``evaluate``.
"""
