"""Where the statement of every theorem comes from.

Three forms are kept apart. *Reported*: what Nakada, Xu, Li and Zhang say they show, as far as it
was read, which is the abstract and one summary by others; their theorems were not at hand, so no
constant, condition or rate beyond these is theirs. *Sharp*: this package's own statement, with its
constants and assumptions. *Literature*: a published result of others that is met or used.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

__all__ = ["SOURCES", "Form", "Source"]

Form = Literal["reported", "sharp", "literature"]  # of the paper, our own, or of others


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """One form of a theorem and where it was read.

    Attributes:
        form: "reported", "sharp" or "literature".
        says: what the source states, in one line.
        work: authors, year, place.
        version: the version, edition or release that it was read from.
    """

    form: Form
    says: str
    work: str
    version: str

    def __str__(self) -> str:
        return f"{self.form}: {self.says} ({self.work}, {self.version})"


_PAPER = "Nakada, Xu, Li and Zhang, Synthetic Oversampling, arXiv 2406.03628"
_ABSTRACT, _SUMMARY = "abstract of v2, 6 January 2025", "a summary by others, second-hand"


def _reported(says: str, version: str = _ABSTRACT) -> Source:
    return Source(form="reported", says=says, work=_PAPER, version=version)


def _sharp(says: str) -> Source:
    return Source(form="sharp", says=says, work="this package", version="release 0.2")


def _literature(says: str, work: str, version: str = "as published") -> Source:
    return Source(form="literature", says=says, work=work, version=version)


_RISKS = _reported("group risks R^(g) and a balanced risk R_bal set the problem", _SUMMARY)
_BENEFIT = _reported("the benefits of synthetic oversampling are quantified explicitly")
_SCALING = _reported("the scaling dynamics of augmentation are analysed, a scaling law derived")
_DECAY = _reported("the error falls polynomially in the augmentation size", _SUMMARY)
_CAPACITY = _reported("transformers are capable of generating synthetic samples of high quality")
_SPURIOUS = _reported("synthetic samples address spurious correlation as well as imbalance")

# where each theorem comes from, by its id
SOURCES: dict[str, tuple[Source, ...]] = {
    "B1": (_sharp("the identity, with the design's weights"), _RISKS),
    "B2": (
        _sharp("closed forms of every generator here"),
        _literature(
            "the interpolation that is analysed",
            "Chawla, Bowyer, Hall and Kegelmeyer, SMOTE, JAIR 16 (2002)",
        ),
    ),
    "B3": (_sharp("the displacement through the target's Hessian, its order"),),
    "B4": (_sharp("the shift of the intercept, errors and excess in closed form"),),
    "B5": (_sharp("raw training's spurious weight, and what a design leaves of it"), _SPURIOUS),
    "R1": (
        _sharp("the expansion at any bias with its O(1/n) terms, and its local form"),
        _literature(
            "the bias of order 1/n of an estimator",
            "Cox and Snell, A general definition of residuals, JRSS B 30 (1968)",
        ),
    ),
    "R2": (_sharp("the noise of seeds through what is fitted on them"),),
    "R3": (_sharp("gain and break-even points by algebra on R1 and R2"), _BENEFIT),
    "R4": (
        _sharp("the limit of a design is discriminant analysis; both sampling designs"),
        _literature(
            "relative efficiencies, table 1",
            "Efron, The efficiency of logistic regression, JASA 70 (1975), 892-898",
        ),
    ),
    "R5": (
        _sharp("risks and error rates per group; expectation of the worst group"),
        _literature(
            "moments of the larger of two normal variables",
            "Clark, The greatest of a finite set of random variables, Operations Research 9 (1961)",
        ),
    ),
    "R6": (_sharp("bounds on the local form and, at any bias, on the population's excess"),),
    "R7": (
        _sharp("the certificate of a sample, with its own proof"),
        _literature(
            "logistic losses as self-concordant ones: decrement and distance to the minimiser",
            "Bach, Self-concordant analysis for logistic regression, EJS 4 (2010), 384-414",
        ),
    ),
    "S1": (_sharp("the global law and, for small biases, the hyperbola"), _SCALING, _DECAY),
    "S2": (
        _sharp("sums and exponents of linear filters in the sequence model"),
        _DECAY,
        _literature(
            "linear minimax weights over an ellipsoid",
            "Pinsker, Problems of Information Transmission 16 (1980)",
        ),
    ),
    "S3": (
        _sharp("floor and crossover of a fitted generator"),
        _literature(
            "a law of weighted training on real and surrogate data, compared in a figure",
            "Jain, Montanari and Sasoglu, arXiv 2402.04376",
            "abstract",
        ),
    ),
    "H1": (
        _sharp("weights, laws of weights and scores per group; the equations' solution"),
        _literature(
            "the equations for unweighted clusters, with proof",
            "Loureiro, Sicuro, Gerbelot, Pacco, Krzakala and Zdeborova, Learning Gaussian "
            "mixtures with generalised linear models, arXiv 2106.03791 (NeurIPS 2021)",
        ),
    ),
    "H2": (_sharp("potentials of fitted generators; derived by leaving one row out, simulated"),),
    "H3": (
        _sharp("clusters with factors of one covariance, and rows that are drawn anew"),
        _literature(
            "half the rows without signal",
            "Cover, Geometrical and statistical properties of systems of linear inequalities, "
            "IEEE Transactions on Electronic Computers 14 (1965)",
        ),
        _literature(
            "the threshold for a logistic model with Gaussian features",
            "Candes and Sur, arXiv 1804.09753 (Annals of Statistics 48, 2020)",
        ),
    ),
    "H4": (_sharp("limits of the equations, each against its own closed form or theorem"),),
    "M1": (_sharp("all four metrics of a linear score on Gaussian mixtures, by normal integrals"),),
    "M2": (_sharp("what imbalance leaves of a score's direction: by B4 all of it"),),
    "M3": (_sharp("expected metrics and their break-even size, by R1 and R2"),),
    "K1": (
        _sharp("the bias of any design and generator for the softmax loss, displaced points"),
        _literature(
            "logits adjusted by the log of the classes' sizes",
            "Menon, Jayasumana, Rawat, Jain, Veit and Kumar, Long-tail learning via logit "
            "adjustment, arXiv 2007.07314 (ICLR 2021)",
        ),
    ),
    "K2": (
        _sharp("R1, R2, R5, R6, R7 and S1 for the softmax loss, with constants"),
        _literature(
            "sampling by class leaves the slopes' information as it is",
            "Prentice and Pyke, Logistic disease incidence models and case-control studies, "
            "Biometrika 66 (1979)",
        ),
    ),
    "T1": (
        _sharp("one attention layer with a null token is the posterior predictive"),
        _CAPACITY,
        _literature(
            "minimax divergence of predictive densities of a location family",
            "Liang and Barron, IEEE Transactions on Information Theory 50 (2004)",
        ),
    ),
    "T2": (
        _sharp("divergence d/(2n) to leading order, and the floor of few layers"),
        _reported(
            "divergence of the order of 1/sqrt(d) + log(d)/sqrt(n) under identifiability "
            "conditions; not tested here",
            _SUMMARY,
        ),
    ),
    "T3": (_sharp("posteriors over dictionaries of laws and of symbols"), _CAPACITY),
    "T4": (
        _sharp("the chain from divergence to bias to excess risk, with a certified proxy"),
        _literature(
            "the variational formula of the divergence",
            "Donsker and Varadhan, Communications on Pure and Applied Mathematics 28 (1975)",
        ),
    ),
    "T5": (
        _sharp(
            "the network with its weights, and the divergence that depth leaves, with constants"
        ),
        _CAPACITY,
    ),
}
