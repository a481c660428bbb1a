"""The longer statements of theorems, in full, for `theory.registry`."""

from __future__ import annotations

__all__ = ["STATEMENTS"]

STATEMENTS: dict[str, str] = {
    "R6": (
        "Paper form: bounds on the balanced excess risk; their form was not at hand. Sharp form: "
        "(a) R1's local form is at most |b|^2 lambda_max(H) / (2 lambda_min(A)^2) + tr(H A^{-1} V "
        "A^{-1}) / 2, A = H + Hess B(theta*). (b) At any bias R_bal(theta_alpha) - R_bal(theta*) "
        "<= |grad B(theta_alpha)|^2 / (2 mu), mu at most every eigenvalue of Hess R_bal on the "
        "segment between them; mu is certified: between points of a grid of step h the least "
        "eigenvalue is above their least one minus h^2 / 8 times lambda_max(E (delta . xbar)^2 "
        "xbar xbar') / 24, which is made to cost at most 2 % of mu. For a generator that does not "
        "depend on the seeds tr V is at most p times the largest score variance times "
        "[(1-alpha)^2/n_max + alpha^2/N] / G, so that (a) has the form |grad B|^2 + d log(n) [...] "
        "that is usual in the literature from n = 3 on; one fitted on n_g seeds adds their noise. "
        "(|b|^2 + tr V) / (2 lambda_min(H)) is no bound: neither of the excess at a large bias, "
        "nor at finite n, nor of the local form where Hess B does not vanish."
    ),
    "R7": (
        "With nu the Newton decrement of the empirical logistic risk at a point theta and kappa = "
        "nu max_i |(1, x_i)|, norms in the metric of the inverse empirical Hessian: kappa < 1 "
        "implies that the minimiser exists, at a distance of at most -nu log(1 - kappa) / kappa in "
        "the metric of the Hessian, with R(theta) - min R at most nu^2 (kappa + (1 - kappa) log(1 "
        "- kappa)) / kappa^2; a minimiser that exists is no nearer than nu log(1 + kappa) / kappa. "
        "Literature (Bach 2010, Electronic Journal of Statistics 4): 16 nu^2 for the squared "
        "distance under nu max_i |(1, x_i)| <= sqrt(lambda_min) / 2 in the Euclidean norm, which "
        "implies kappa <= 1/2. At theta_alpha nu^2 is asymptotically a sum of chi-square variables "
        "with the eigenvalues of A^{-1} V as weights, which gives the premise its probability."
    ),
    "T2": (
        "Paper form: divergence <= const (1/sqrt(d) + log(d)/sqrt(n)), read second-hand; with "
        "unspecified constants it is not tested here. Sharp form: attention averages the "
        "embeddings of the seeds, a read-out inverts the mean map, and the expected divergence is "
        "d/(2n); one layer leaves a non-linearity floor that depth removes. The mean of the "
        "maximum-likelihood read-out is over the event that it exists: at every n the seeds lie on "
        "one face of the embeddings' convex hull with a positive probability, at most the sum over "
        "facets of P(facet)^n, and then its divergence is infinite. Read-outs of finite depth "
        "always exist."
    ),
    "T4": (
        "If the score is sub-Gaussian under P_g with variance proxy v_g, then |E_Q s - E_P s| <= "
        "sqrt(2 v_g KL(Q || P)), attained by a law tilted toward the score; and R_bal(theta_alpha) "
        "- R_bal(theta*) is at most {(1/G) sum_g c_g sqrt(2 v_g KL_g)}^2 / (2 mu) at any bias, the "
        "proxies at theta_alpha and mu that of R6: from seeds to divergence to bias to excess "
        "risk. Proxies are certified from above: of the first entry to half a percent, of the "
        "whole score for every direction and divergence, at least the features' variance across "
        "it. The chain is vacuous where it exceeds log 2 / min_g a_g - R_bal(theta*), which no "
        "generator of the design exceeds, a_g the real weights."
    ),
}
