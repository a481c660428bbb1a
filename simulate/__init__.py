"""What is observed: groups and generators sampled, scores fitted, replicates counted, and each
theorem's prediction judged against them."""
