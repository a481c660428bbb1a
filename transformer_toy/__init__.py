"""A transformer small enough to write down that generates synthetic minority data.

It reads a group's seeds as context and writes the law of the group's next samples. The modules:

* the network: `model` (one set of weights, no positions), `heads` (raw outputs to a law);
* weights by hand, exact: `constructed`; weights by training: `tasks` (families of groups with
  their exact predictive), `divergence` (the loss), `train`, `checkpoint`;
* its use: `seeds` (a table and its units), `generate`, `beyond` (what it was not trained for);
* its judgement: `comparators` (what one could use instead), `evaluate` (the gap to the exact
  predictive), `fidelity` (what the gap costs a classifier).
"""
