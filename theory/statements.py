"""The longer statements of theorems, in full, for `theory.registry`."""

from __future__ import annotations

__all__ = ["EXISTENCE", "STATEMENTS"]

# what every expectation of a fit is over
EXISTENCE = (
    "Expectations are over the data sets on which a fit exists: a finite minimiser, within a fixed "
    "ball. The logistic loss has none where some direction separates the labels; that has a "
    "positive probability at every sample size, exponentially small in it (`predict` estimates it "
    "as validity.no_fit). Simulations leave the replicates without a fit out, and every row that "
    "has some reports their share. In the limit there is no fit where the groups' and generators' "
    "own laws are separated, which is refused, nor where parameters and samples grow together "
    "beyond the threshold of `theory.prediction.existence`: there the statement is empty."
)

# statements by the id of their theorem
STATEMENTS: dict[str, str] = {
    "B2": (
        "grad B_g(theta) = E_{Q_g} s - E_{P_g} s is a one-dimensional Gaussian integral in any "
        "dimension; interpolation of all seed pairs is a Gaussian scale mixture with 2/3 of the "
        "covariance, so its bias does not vanish as the seeds grow in number; flipped labels bias "
        "the logistic risk by the rate times the mean margin."
    ),
    "R1": (
        "E R_bal(thetahat) - R_bal(theta*) = b' A^{-1} H A^{-1} b / 2 + tr(H A^{-1} V A^{-1}) / 2 "
        "+ lower order, for b = grad B(theta*) of order n^{-1/2} and A = H + Hess B(theta*), "
        "whatever the size of Hess B. For any bias: the excess of the pseudo-true point "
        "theta_alpha, plus tr(H A^{-1} V A^{-1}) / 2, H and A the Hessians of R_bal and of the "
        "target there, plus grad R_bal(theta_alpha) times the Cox-Snell bias of the estimator."
    ),
    "R2": (
        "R1 with V = sum_g Cov_{P_g}(a_g s + c_g J_g psi_g) / (G^2 n_g) + [noise of the synthetic "
        "draws] Sigma_g, psi_g the influence function of the generator's parameters and J_g the "
        "derivative of its mean score in them. Duplication has J psi = s."
    ),
    "R4": (
        "As alpha -> 1 and N -> infinity the variance of a slope across the mean difference, over "
        "that of logistic regression, is the asymptotic relative efficiency of Efron (1975). With "
        "labels drawn at random that is also the ratio of the expected excess error rates, in any "
        "dimension; with fixed group sizes the ratio of the excess errors is smaller and depends "
        "on the dimension (separation 2.5: .786; .691 and .762 with one and three features), and "
        "the ratio of the excess risks is another number in both designs."
    ),
    "R5": (
        "R_g(thetahat) - R_g(theta*) = -grad R_g(theta*)' A^{-1} b + second order, and the same "
        "expansion for error rates, which needs that scores spread within each group, w' Sigma_g w "
        "> 0 at the pseudo-true point (where the rule's noise moves them as far as they spread, "
        "`error_doubt` says so). The largest has the mean of the largest of jointly normal errors "
        "with covariances grad e_g' Cov grad e_h (Clark 1961 for two); groups that tie are to be "
        "set apart by noise of first order. " + EXISTENCE
    ),
    "R6": (
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
    "S2": (
        "For N(+-theta, I) with theta_k^2 = c^2 k^{-(2 beta + 1)} the squared error of a linear "
        "filter is an explicit sum, at the best cut-off (1 + 1/(2 beta)) c^{2/(2 beta + 1)} "
        "v^{2 beta/(2 beta + 1)} with v = 1/(G (n_max + N)), and the classification excess is "
        "phi(Delta)/(2 Delta) times the squared norm of the rule's part orthogonal to theta. "
        "Tikhonov's and Pinsker's filters have the same exponent up to their qualification q and "
        "2 q/(2 q + 1) beyond it; Pinsker's weights are linear minimax over an ellipsoid."
    ),
    "S3": (
        "With A, C and D of order 1/n the floor is of order 1/n and the crossover of order n: more "
        "synthetic data than that change nothing. In the sequence model a generator that smooths "
        "its seeds has the floor of order n^{-2 beta/(2 beta + 1)} for every linear use of its "
        "samples; one that keeps its seeds' best cut-off has twice its floor at the crossover "
        "2 beta n/(2 beta + 1), where its samples are averaged as they are."
    ),
    "H1": (
        "Rows of clusters N(mu_k, S_k), label y_k and weight omega_k, n_k of them, are fitted "
        "with the penalty (ridge / 2) |w|^2 and a free or fixed intercept b. A new row's score "
        "is N(b + m_k, q_k); a training score is t = argmin omega_k loss(y_k t) + (t - h)^2 / "
        "(2 V_k), h ~ N(b + m_k, q_k). With g = (t - h) / V_k, e_k = E g, f_k = E g^2 and c_k = "
        "-dE g / dh: A = ridge I + sum n_k c_k S_k, w = A^{-1} sum n_k e_k mu_k, m_k = mu_k.w, "
        "q_k = w'S_k w + tr(A^{-1} N A^{-1} S_k) with N = sum n_k f_k S_k, V_k = tr(A^{-1} "
        "S_k), and sum n_k e_k = 0 where b is free. Weights of a law are averaged inside e, f "
        "and c: m duplicates drawn from n seeds give each the weight of 1 plus a Poisson "
        "variable of mean m / n."
    ),
    "H2": (
        "What a generator draws from its seeds adds to the potential psi of a seed's margin t; "
        "tbar and v are mean and variance of the training margins of its group. Many rows of "
        "total weight c per seed: duplicates c loss(t); interpolation of all pairs 2 c E "
        "loss((1 - u) t + u t'), t' an independent training margin, u uniform; sample "
        "covariance psi' = c E loss'(tbar + sqrt(v) z) + c E loss''(tbar + sqrt(v) z) (t - "
        "tbar), with the variance pooled over groups and the springs of all of them for a "
        "pooled one, and v times 1 / (1 - d/n) for the predictive law. Any number N of rows of "
        "a Gaussian plug-in: their margins are themselves proximal operators at N(tbar, v), "
        "their mean force is a tilt N e / n of every seed's potential, their stiffness a spring "
        "N c / n, and their second moment a random field of variance N f / n; with a known "
        "covariance the tilt alone, and the rows are a cluster of noise."
    ),
    "H3": (
        "Rows of clusters N(mu_k, s_k I), n_k of them, are linearly separable with probability "
        "tending to 1 as d > d* and to 0 as d < d*, d* = min over (b, a) of sum_k n_k E[(sqrt(1 "
        "+ |a|^2) z - y_k (b + mu_k . a) / sqrt(s_k))_+^2]: half the rows without signal. "
        "Weights, duplicates and interpolated rows do not change d*; rows drawn anew raise it, "
        "so that oversampling can make separable data inseparable. Of clusters N(mu_k, S_k) it is "
        "where H1's equations without ridge, of the loss (-t)_+^2 / 2, have solutions besides 0."
    ),
    "H4": (
        "As d/n -> 0 theorem R; as the ridge grows the rule of mean differences, of area "
        "Phi(Delta^2 / sqrt(2 (Delta^2 + d/n_0 + d/n_1))); for the squared loss with unit "
        "weights and covariances V solves V (ridge (1 + V) + n) = d (1 + V); below H3's "
        "threshold the ridge may be 0, above it training errors vanish with it, the norm grows "
        "without end and the direction is that of the largest margin. Under the squared loss "
        "the plug-in of own covariance is duplication."
    ),
    "M1": (
        "The score w.x is a normal mixture within each label. AUROC = sum pi_k pi_l Phi((m_k - "
        "m_l) / sqrt(v_k + v_l)) over components k of label 1 and l of label 0; average precision "
        "at prevalence pi is the mean of pi F_1(t) / (pi F_1(t) + (1 - pi) F_0(t)) over scores t "
        "of label 1, F the shares above t; the balanced error and F1 are taken at their best "
        "thresholds. None depends on the intercept or on the scale of w."
    ),
    "M2": (
        "Raw training has, in the population and at any imbalance, the largest AUROC and average "
        "precision, the least balanced error and the largest F1 at the best threshold, of any "
        "linear score: Phi(Delta / sqrt 2) and Phi(-Delta / 2) for the first and the third. So "
        "does every design that keeps the direction; resampling then changes noise alone. Where "
        "covariances differ it does not hold: raw training's direction depends on the imbalance, "
        "and levelling may raise these metrics or lower them."
    ),
    "M3": (
        "E m(thetahat) = m(theta_alpha) + grad m . E[thetahat - theta_alpha] + tr(Hess m Cov) / 2, "
        "derivatives at theta_alpha, moments those of R1 and R2, where m is smooth: at the best "
        "threshold, where no other is as good. With every count times k the latter two are divided "
        "by k, so that two designs reach the same metric at k = (l_2 - l_1) / (m_1 - m_2) for "
        "targets m and losses l. " + EXISTENCE
    ),
    "T1": (
        "Null-token logit log(sigma^2/tau^2), seed logits 0: exact for every number of seeds from "
        "0. Expected divergence (d/2) log(1 + 1/(n + sigma^2/tau^2)), minimax (d/2) log(1 + 1/n) "
        "for the flat prior, d/(2n) for the plug-in rule."
    ),
    "T2": (
        "Attention averages the embeddings of the seeds, a read-out inverts the mean map, and the "
        "expected divergence is d/(2n); one layer leaves a non-linearity floor that depth removes "
        "where the preconditioner's steps are small enough to contract. "
        "The mean of the maximum-likelihood read-out is over the event that it exists: at every n "
        "the seeds lie on one face of the embeddings' convex hull with a positive probability, at "
        "most the sum over facets of P(facet)^n, and then its divergence is infinite. Read-outs of "
        "finite depth always exist."
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
    "T5": (
        "The predictive of a row is, feature by feature, a Student regression on the features "
        "before it, and a transformer with weights by hand writes it: attention with constant "
        "logits averages x and x x', squared-ReLU units multiply exactly, and X <- X + X R, R <- "
        "R^2 from X = I/trace invert the covariance of the earlier features. After L iterations an "
        "eigenvalue l is missed by (1 - l/trace)^{2^L}, at most (1 - 1/(d kappa))^{2^L}: once "
        "little is missed, what an iteration adds to the logarithm of the divergence from the "
        "exact predictive doubles each time, with the constants of depth_divergence, and under a "
        "proper prior it is never above depth_bound. L + 7 layers, width O(d^2), O(d^3) hidden "
        "units, whatever the number of seeds n. Under the flat prior 1/df is iterated too, "
        "and of p earlier features ((d - p)/n)^{2^L} of it is missed. The exact predictive of the "
        "flat prior itself is d (d + 3)/(4 n) from every Gaussian group, to first order: below "
        "log d/sqrt n once sqrt n exceeds about d (d + 3)/(4 log d), above it for fewer seeds, and "
        "without a floor in d, because nothing but the inverse is approximated. Of groups that are "
        "not Gaussian nothing is said."
    ),
    "K1": (
        "With K - 1 scores against class 0 the expected empirical risk is R_bal + B as for two "
        "classes, grad B_g an integral in K - 1 dimensions whatever the number of features, and "
        "theta_alpha - theta* = -A^{-1} grad B(theta*) + O(|grad B|^2). For classes of one "
        "covariance raw training moves the intercept of class k by log(n_k / n_0) and nothing else."
    ),
    "K2": (
        "R1 and R2 hold with the score of the softmax loss: V from within-group covariances of the "
        "seeds' contributions, which are functions of K - 1 scores times the features and "
        "functions of the scores alone. Group risks, error rates of the largest score (orthants of "
        "normal vectors), the bound at any bias and the certificate of a fit follow as for two "
        "classes, with the range of a row's scores for its norm, and the excess is "
        "a(alpha) + s(alpha) / N. On n samples of every class, of one covariance, it is "
        "((K - 1)(d + 1) - K (1 - E sum_k q_k^2)) / (2 K n), q the classes' posteriors."
    ),
}
