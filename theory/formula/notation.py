"""Every symbol of the formulas, once, with its assumptions and its meaning: the glossary.

Three kinds of symbol: scalars (`sympy.Symbol`), arrays over groups (`sympy.IndexedBase`, summed
over the group index ``g``), and matrices (`sympy.MatrixSymbol` over parameters). The name of a
symbol is the name of the argument of every formula that contains it. Scale parameters say what they
are: ``var``, ``cov`` or ``std``. Risks and divergences are in nats.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sympy as sp

__all__ = ["GLOSSARY", "Entry", "latex"]


class Entry(NamedTuple):
    """What a symbol means, and how it is typeset.

    Attributes:
        meaning: in words.
        latex: as it is typeset.
    """

    meaning: str
    latex: str


# every symbol that formulas use, with its meaning and its LaTeX
GLOSSARY: dict[sp.Basic, Entry] = {}
_NAMES: set[str] = set()


def _enter(symbol: sp.Basic, meaning: str, latex: str | None) -> sp.Basic:
    key = symbol.label if isinstance(symbol, sp.IndexedBase) else symbol
    if key.name in _NAMES:
        raise ValueError(f"name: got {key.name} twice in the notation; a name has one meaning.")
    _NAMES.add(key.name)
    GLOSSARY[key] = Entry(meaning, latex or key.name)
    return symbol


def _scalar(name: str, meaning: str, latex: str | None = None, **assumptions) -> sp.Symbol:
    return _enter(sp.Symbol(name, **(assumptions or {"real": True})), meaning, latex)


def _array(name: str, meaning: str, latex: str | None = None) -> sp.IndexedBase:
    return _enter(sp.IndexedBase(sp.Symbol(name, real=True)), meaning, latex)


def _square(name: str, meaning: str, latex: str | None = None) -> sp.MatrixSymbol:
    return _enter(sp.MatrixSymbol(name, p, p), meaning, latex)


def _column(name: str, meaning: str, latex: str | None = None) -> sp.MatrixSymbol:
    return _enter(sp.MatrixSymbol(name, p, 1), meaning, latex)


def latex(expression: sp.Basic) -> str:
    """LaTeX of an expression in the notation of the glossary.

    Args:
        expression: of the glossary's symbols.

    Example:
        >>> latex(alpha * n_max)
        '\\\\alpha n_{\\\\max}'
    """
    names = {symbol: entry.latex for symbol, entry in GLOSSARY.items()}
    return sp.latex(expression, symbol_names=names).replace(
        r"\left(\frac{1}{2}\right)", r"\frac{1}{2}"
    )


_COUNT: dict[str, Any] = {"integer": True, "positive": True}
_POS: dict[str, Any] = {"positive": True}
_NONNEG: dict[str, Any] = {"nonnegative": True}

# --- indices and sizes ----------------------------------------------------------------------
p = _scalar("p", "number of parameters, intercept included", **_COUNT)
g = _scalar("g", "index of a group", integer=True)
h = _scalar("h", "index of a second group", integer=True)
G = _scalar("G", "number of groups", **_COUNT)
n_g = _scalar("n_g", "real samples in group g", **_COUNT)
n_max = _scalar("n_max", "size of the largest group", r"n_{\max}", **_COUNT)
n_tot = _scalar("n_tot", "number of real samples", r"n_{\mathrm{tot}}", **_COUNT)
m_g = _scalar("m_g", "synthetic samples that level group g with the largest one", **_NONNEG)
N = _scalar("N", "augmentation: further synthetic samples per group (infinity allowed)", **_POS)
alpha = _scalar("alpha", "weight of the augmentation part, in [0, 1]", r"\alpha", **_NONNEG)
rho_g = _scalar("rho_g", "n_g / n_max, in (0, 1]", r"\rho_g", **_POS)
a_g = _scalar("a_g", "G times the weight of group g's real losses", **_NONNEG)
c_g = _scalar("c_g", "G times the weight of group g's synthetic losses", **_NONNEG)
real_mass = _scalar("real_mass", "total weight of group g's real losses", r"w^{\mathrm{real}}_g")
raw_mass = _scalar("raw_mass", "weight of group g in raw ERM", r"w^{\mathrm{raw}}_g")
oversampling_mass = _scalar(
    "oversampling_mass", "total weight of group g's oversampled losses", r"w^{\mathrm{over}}_g"
)
augmentation_mass = _scalar(
    "augmentation_mass", "total weight of group g's augmented losses", r"w^{\mathrm{aug}}_g"
)
real_noise = _scalar(
    "real_noise", "sum of the squared weights of group g's real samples", r"q^{\mathrm{real}}_g"
)
synthetic_noise = _scalar(
    "synthetic_noise",
    "sum of the squared weights of group g's synthetic samples",
    r"q^{\mathrm{syn}}_g",
)

# --- arrays over groups ---------------------------------------------------------------------
size = _array("size", "real samples per group", "n")
ratio = _array("ratio", "n_g / n_max per group", r"\rho")
share = _array("share", "synthetic weights c_g = 1 - (1 - alpha) rho_g per group", "c")
real_share = _array("real_share", "real weights a_g = (1 - alpha) rho_g per group", "a")
risk_real = _array("risk_real", "risk of each group's real law", "R")
risk_syn = _array("risk_syn", "risk of each group's synthetic law", r"\tilde{R}")
bias_product = _array(
    "bias_product", "H^{-1} products of the groups' bias gradients, grad B_g' H^{-1} grad B_h", "K"
)
trace_score = _array(
    "trace_score", "tr(H^{-1} Cov_{P_g}(s)), s the score at theta*", r"t^{\mathrm{real}}"
)
trace_score_over = _array(
    "trace_score_over",
    "tr(H^{-1} Cov_{P_g}(s, o)), o a seed's influence through all oversampled samples, times G",
    r"t^{so}",
)
trace_score_aug = _array(
    "trace_score_aug",
    "tr(H^{-1} Cov_{P_g}(s, w)), w a seed's influence through all augmented samples, times G",
    r"t^{sw}",
)
trace_over = _array("trace_over", "tr(H^{-1} Cov_{P_g}(o)); 0 if Q is fixed", r"t^{oo}")
trace_over_aug = _array("trace_over_aug", "tr(H^{-1} Cov_{P_g}(o, w))", r"t^{ow}")
trace_aug = _array("trace_aug", "tr(H^{-1} Cov_{P_g}(w)); 0 if Q is fixed", r"t^{ww}")
trace_syn = _array(
    "trace_syn", "tr(H^{-1} Cov_{Q_g}(s)), s drawn by the generator", r"t^{\mathrm{syn}}"
)

# --- matrices over parameters ---------------------------------------------------------------
H = _square("H", "Hessian of the balanced risk at theta* (or at theta_alpha where said)")
A_ = _square("A_target", "Hessian of the target risk at theta_alpha, held fixed", "A")
A_star = _square("A_star", "Hessian of the target risk at theta*, H + Hess B(theta*)", "A_*")
V = _square("V", "covariance of the empirical gradient at theta_alpha (locally: at theta*)")
V_at = _square("V_at", "covariance of the empirical gradient as a function of theta", r"V(\theta)")
H_at = _square("H_at", "Hessian of the target risk as a function of theta", r"A(\theta)")
cov_real = _square("cov_real", "covariance of the score within the real group g", r"\Sigma_g")
cov_syn = _square(
    "cov_syn", "covariance of the score under the synthetic law of g", r"\tilde{\Sigma}_g"
)
cov_seed = _square(
    "cov_seed", "covariance over seeds of the generator's influence J psi", r"\Psi_g"
)
cov_cross = _square(
    "cov_cross", "covariance over seeds of the score s with the influence J psi", r"K_g"
)
b = _column("b", "gradient of the bias B at theta*")
slope = _column("slope", "gradient of the risk in question at the point in question", r"\nabla R")
mean_shift = _column("mean_shift", "bias of the estimator, E[theta_hat] - theta_alpha", r"\beta")
potential_slope = _column(
    "potential_slope", "gradient of the Cox-Snell potential at theta_alpha", r"\nabla\Omega"
)
potential = _scalar("potential", "Cox-Snell potential", r"\Omega(\theta)")

# --- bias (theorem B) -----------------------------------------------------------------------
n_1 = _scalar("n_1", "real samples of class 1", **_POS)
n_0 = _scalar("n_0", "real samples of class 0", **_POS)
shift = _scalar("shift", "displacement of the intercept", r"s")
Delta = _scalar("Delta", "Mahalanobis distance between the two class means", r"\Delta", **_POS)
q_x1 = _scalar("q_x1", "x' cov^{-1} mean_1", r"\langle x,\mu_1\rangle")
q_x0 = _scalar("q_x0", "x' cov^{-1} mean_0", r"\langle x,\mu_0\rangle")
q_11 = _scalar("q_11", "mean_1' cov^{-1} mean_1", r"\langle\mu_1,\mu_1\rangle")
q_00 = _scalar("q_00", "mean_0' cov^{-1} mean_0", r"\langle\mu_0,\mu_0\rangle")
margin = _scalar("margin", "mean margin of the group, E[(2 y - 1)(b + w'x)]", "u")
flip_rate = _scalar("flip_rate", "probability that the generator flips the label", r"\epsilon")
mean_core = _scalar("mean_core", "mean of the core feature given y = 1", r"\mu_c", **_POS)
mean_spur = _scalar("mean_spur", "mean of the spurious feature given s = 1", r"\mu_s", **_POS)
var_core = _scalar("var_core", "variance of the core feature given y", "v_c", **_POS)
var_spur = _scalar("var_spur", "variance of the spurious feature given s", "v_s", **_POS)
aligned = _scalar("aligned", "share of the real data with y = s", r"\varpi", **_NONNEG)

# --- benefit (theorem R) --------------------------------------------------------------------
excess_syn = _scalar(
    "excess_syn", "excess risk of the synthetic design", r"e_{\mathrm{syn}}", **_POS
)
noise_ref = _scalar("noise_ref", "excess of the reference design", r"v_{\mathrm{ref}}", **_NONNEG)
noise_syn = _scalar(
    "noise_syn", "variance part of the synthetic design's excess", r"v_{\mathrm{syn}}", **_NONNEG
)
bias_size = _scalar("bias_size", "size of the bias gradient along a direction u", r"\delta", **_POS)
bias_curvature = _scalar(
    "bias_curvature", "u' A*^{-1} H A*^{-1} u, u the direction of b", r"\kappa", **_POS
)
bias_quadratic = _scalar(
    "bias_quadratic", "b' A*^{-1} H A*^{-1} b", r"b^\top A_*^{-1} H A_*^{-1} b", **_POS
)
seeds = _scalar(
    "seeds", "n, the size that the variance parts are proportional to 1/n in", "n", **_POS
)
rate_ref = _scalar("rate_ref", "n times the reference's excess", r"\nu_{\mathrm{ref}}", **_NONNEG)
rate_syn = _scalar(
    "rate_syn", "n times the synthetic design's variance part", r"\nu_{\mathrm{syn}}", **_NONNEG
)
curvature_intercept = _scalar("curvature_intercept", "intercept entry of H", r"H_{bb}", **_POS)
imbalance = _scalar("imbalance", "imbalance ratio n_max / n_min, at least 1", "r", **_POS)
lambda_max = _scalar("lambda_max", "largest eigenvalue of H", r"\lambda_{\max}", **_POS)
lambda_target = _scalar(
    "lambda_target", "smallest eigenvalue of A*", r"\lambda_{\min}(A_*)", **_POS
)
curvature_path = _scalar(
    "curvature_path",
    "lower bound of every eigenvalue of Hess R_bal on the segment from theta* to theta_alpha",
    r"\mu",
    **_POS,
)
square_bias = _scalar("square_bias", "squared norm of b", r"\|b\|^2", **_NONNEG)
square_bias_alpha = _scalar(
    "square_bias_alpha",
    "squared norm of grad B(theta_alpha)",
    r"\|\nabla B(\theta_\alpha)\|^2",
    **_NONNEG,
)
var_score = _scalar(
    "var_score", "bound on the largest eigenvalue of every score covariance", r"v_{\max}", **_POS
)
decrement = _scalar(
    "decrement",
    "Newton decrement, the empirical gradient's norm in the metric of the inverse "
    "empirical Hessian",
    r"\nu",
    **_POS,
)
reach = _scalar(
    "reach",
    "nu times the largest norm of a row (1, x) in the metric of the inverse empirical Hessian",
    r"\kappa",
    **_POS,
)
z = _scalar("z", "a standard normal variable")
mean_1 = _scalar("mean_1", "mean of a group's error (or excess risk) over data sets", "m_1")
mean_2 = _scalar("mean_2", "mean of another group's error (or excess risk)", "m_2")
std_gap = _scalar("std_gap", "standard deviation of the two groups' difference", "a", **_POS)

# --- scaling laws (theorem S) ---------------------------------------------------------------
A = _scalar("A", "H^{-1}-weighted second moment of the oversampling part", **_NONNEG)
C = _scalar("C", "cross moment of the oversampling and augmentation parts")
D = _scalar("D", "H^{-1}-weighted second moment of the augmentation part", **_NONNEG)
S = _scalar("S", "sampling noise of one synthetic sample per group", **_NONNEG)
limit_excess = _scalar(
    "limit_excess", "excess risk at a weight with infinitely many synthetic samples", r"a(\alpha)"
)
none_excess = _scalar("none_excess", "excess risk without augmentation", "a(0)")
noise_excess = _scalar(
    "noise_excess", "N times what the augmentation's sampling noise adds at a weight", r"s(\alpha)"
)
price = _scalar(
    "price",
    "price of raising N by one, in nats: G samples at a price each of price / G",
    "c",
    **_POS,
)
smoothness = _scalar(
    "smoothness", "beta: theta_k^2 = amplitude^2 k^{-(2 beta + 1)}", r"\beta", **_POS
)
amplitude = _scalar("amplitude", "c in theta_k^2 = c^2 k^{-(2 beta + 1)}", "c_\\theta", **_POS)
noise_level = _scalar("noise_level", "variance of one coordinate of the estimate", "v", **_POS)
cutoff = _scalar("cutoff", "K, number of coordinates kept", "K", **_POS)
filter_weight = _scalar(
    "filter_weight", "factor that a linear filter puts on a coordinate", r"\lambda"
)
signal = _scalar("signal", "true value of a coordinate", r"\theta_k")
coordinate_bias = _scalar(
    "coordinate_bias", "weighted generator bias of a coordinate", r"\bar\delta_k"
)
coordinate_shift = _array(
    "coordinate_shift", "bias of each group's generator along coordinate k", r"\delta_k"
)
scale = _scalar("scale", "K, where a filter falls: its number of coordinates", "K", **_POS)
order = _scalar("order", "order of a filter: s of Tikhonov, b of Pinsker", "s", **_POS)
qualification = _scalar(
    "qualification", "largest smoothness a filter uses: 2 s of Tikhonov, b of Pinsker", "q", **_POS
)
filter_noise = _scalar("filter_noise", "integral of the squared filter over k / K", "W", **_POS)
filter_bias = _scalar(
    "filter_bias", "integral of (1 - filter)^2 u^{-(2 beta + 1)} over u = k / K", "T", **_POS
)
radius = _scalar("radius", "Q of the ellipsoid sum_k k^{2 b} theta_k^2 <= Q", "Q", **_POS)
generator_weight = _scalar(
    "generator_weight", "factor that a generator's smoother puts on a coordinate", r"\mu"
)
leakage = _scalar(
    "leakage", "squared norm of the rule's part orthogonal to the mean", r"\|P_\perp\hat\theta\|^2"
)

# --- generation (theorem T) -----------------------------------------------------------------
count = _scalar("count", "n, number of seeds in the context", "n", **_NONNEG)
dim = _scalar("dim", "d, dimension of a sample or of the natural parameter", "d", **_POS)
var_within = _scalar(
    "var_within", "variance of a sample about its group's mean", r"{\sigma^2}", **_POS
)
var_prior = _scalar("var_prior", "prior variance of the group's mean", r"{\tau^2}", **_POS)
seen = _scalar("seen", "how often a symbol occurs among the seeds", "k", **_NONNEG)
mass = _scalar("mass", "Dirichlet parameter of the symbol", "a", **_POS)
mass_total = _scalar("mass_total", "sum of the Dirichlet parameters", r"a_+", **_POS)
kl = _scalar("kl", "KL(Q || P), generator first", r"\mathrm{KL}", **_NONNEG)
var_proxy = _scalar("var_proxy", "sub-Gaussian variance proxy of the score under P", "v", **_POS)
group_kl = _array("group_kl", "KL(Q_g || P_g) per group, generator first", r"\mathrm{KL}")
group_proxy = _array(
    "group_proxy", "sub-Gaussian variance proxy of the score under P_g, per group", "v"
)
eigen_share = _scalar(
    "eigen_share",
    "an eigenvalue of the earlier features' covariance, over its trace",
    r"\frac{\lambda}{\tau}",
    **_POS,
)
iterations = _scalar("iterations", "L, how often the inverse is updated", "L", **_NONNEG)
degrees = _scalar("degrees", "degrees of freedom of a feature's Student law", r"\nu", **_POS)
scale_ratio = _scalar(
    "scale_ratio", "squared scale of the exact law, over that of the other", "a", **_POS
)
shift_square = _scalar(
    "shift_square", "expected squared shift of the location, in squared scales", "S", **_NONNEG
)
growth = _scalar("growth", "relative growth of the residual scale", "g", **_NONNEG)
left_sum = _scalar("left_sum", "sum of what the inverse misses, over eigenvalues", "e_1")
left_square = _scalar("left_square", "sum of its squares", "e_2")
left_most = _scalar("left_most", "largest share that the inverse may miss", r"\epsilon", **_POS)

# --- features as many as rows (theorem H) ---------------------------------------------------
response = _scalar(
    "response", "V, what a score gives way by to a unit force on its row", "V", **_POS
)
curvature_row = _scalar(
    "curvature_row", "second derivative of a row's potential at its score", r"\psi''", **_POS
)
row_weight = _scalar("row_weight", "weight of a row's loss", r"\omega", **_POS)
held_out = _scalar("held_out", "margin of a row under the fit of all others", "h")
smear = _scalar("smear", "weight of synthetic rows per seed", "c", **_POS)
margin_seed = _scalar("margin_seed", "training margin of a seed", "t")
margin_mean = _scalar("margin_mean", "mean training margin of a group's seeds", r"\bar{t}")
spread = _scalar("spread", "standard deviation of a row's margin, from 1 on", "s", **_POS)
lead = _scalar("lead", "mean margin of a cluster, over its standard deviation", "u")
ridge = _scalar("ridge", "of the penalty on the squared weights, halved", r"\lambda", **_POS)
rows = _scalar("rows", "number of rows in all", "n", **_POS)

# --- metrics (theorem M) --------------------------------------------------------------------
score_1 = _scalar("score_1", "mean score of label 1", "m_1")
score_0 = _scalar("score_0", "mean score of label 0", "m_0")
score_var_1 = _scalar("score_var_1", "variance of the score of label 1", "v_1", **_POS)
score_var_0 = _scalar("score_var_0", "variance of the score of label 0", "v_0", **_POS)
metric = _scalar("metric", "metric of the pseudo-true point", r"m(\theta_\alpha)")
metric_bend = _square("metric_bend", "Hessian of the metric at theta_alpha", r"\nabla^2 m")
metric_1 = _scalar("metric_1", "metric of the first design's pseudo-true point", "m_1^*")
metric_2 = _scalar("metric_2", "metric of the second design's pseudo-true point", "m_2^*")
loss_1 = _scalar("loss_1", "what estimation adds to the first design's metric", r"\ell_1")
loss_2 = _scalar("loss_2", "what estimation adds to the second design's metric", r"\ell_2")

# --- more than two classes (theorem K) ------------------------------------------------------
n_k = _scalar("n_k", "real samples of class k", **_POS)
classes = _scalar("classes", "number of classes", "K", **_POS)
features = _scalar("features", "number of features", "d", **_POS)
per_class = _scalar("per_class", "samples of every class, all alike", "n", **_POS)
purity = _scalar(
    "purity",
    "balanced mean of the sum of the squared posteriors of the classes",
    r"\mathbb{E} \sum_k q_k^2",
    **_POS,
)
