"""Model cards: origin, training data, metrics and limits of a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from shared.scoring.catalog import ModelName
from shared.scoring.model import Model
from shared.training.panel import Panel

CARD_SCHEMA_VERSION: Final = 1

_TITLES: Final[dict[ModelName, str]] = {
    "statements": "Default risk from statement amounts",
    "ratios-annual": "Default risk from annual ratios",
    "ratios-quarterly": "Default risk from quarterly ratios",
}

_PANEL: Final = {
    "name": "American companies bankruptcy prediction dataset, NYSE and NASDAQ, 1999 to 2018",
    "url": "https://github.com/sowide/bankruptcy_dataset",
    "citation": (
        "Lombardo G., Pellegrino M., Adosoglou G., Cagnoni S., Pardalos P.M., Poggi A. (2022). Machine Learning for "
        "Bankruptcy Prediction in the American Stock Market: Dataset and Benchmarks. Future Internet 14(8):244. "
        "https://doi.org/10.3390/fi14080244"
    ),
    "licence": "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/",
    "changes": (
        "Reassembled from published parts; 472 of 78,682 firm-years could not be recovered, none of them a failure. "
        "The label is set on the last year of a failed firm alone. Ratios are computed from the amounts."
    ),
}

_PANEL_LABEL: Final = "the firm files for Chapter 7 or Chapter 11 in the fiscal year after the row's"

_PANEL_USE: Final = (
    "Ranking and grading non-financial companies listed in the United States by their risk of bankruptcy within twelve "
    "months, for review by people."
)

_NOT_ALONE: Final = "Deciding alone on credit, insurance or employment, or on anything about a natural person"
_PANEL_NOT_FOR: Final = (
    _NOT_ALONE,
    "Private companies, companies outside the United States, and financial institutions: none are in the data",
    "Regulatory capital, loss provisions or prices, for which the level of the probabilities is not validated",
    "Defaults short of bankruptcy, such as a missed payment or a distressed exchange: they are not in the label",
    "Years unlike those of the data, 1999 to 2018, without a new calibration",
)

_RATIO_LIMITS: Final = (
    "Debt is long-term debt in the training data, which have no other; capital is long-term debt plus equity.",
    "A negative multiple of debt to EBITDA counts as the lowest: the other ratios weigh the loss behind it.",
    "A blank ratio contributes the population's mean. The metrics with each input blank say what that costs.",
)

_QUARTERLY_LIMIT: Final = (
    "Trained on fiscal years: no quarterly outcomes were available, so on quarterly rows the model is not validated."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """The parts of a card that depend on the data: their origin, the meaning of their label, and the intended use."""

    data: Mapping[str, str]
    label: str
    use: str
    not_for: tuple[str, ...]


PANEL_SOURCE: Final = DataSource(data=_PANEL, label=_PANEL_LABEL, use=_PANEL_USE, not_for=_PANEL_NOT_FOR)


def own_source(name: str, label: str) -> DataSource:
    """Returns the source for a deployer's own data, described by the deployer's name and label."""
    return DataSource(
        data={"name": name},
        label=label,
        use=f"Ranking and grading companies like those of the data ({name}), for review by people.",
        not_for=(_NOT_ALONE, "Companies, countries, sectors and years unlike those of the data"),
    )


def card(
    model: Model,
    artifact: Mapping[str, Any],
    *,
    date: str,
    source: DataSource,
    panel: Panel,
    undefined: int,
    split: Mapping[str, Panel],
    training_grades: Mapping[str, int],
    recalibration: Mapping[str, float],
    metrics: Mapping[str, Any],
    masked: list[dict[str, Any]],
    baselines: list[dict[str, Any]],
) -> dict[str, Any]:
    """Returns the card of a trained model, ready for JSON. All metrics are of the test window."""
    limits = list(_RATIO_LIMITS) if model.name != "statements" else []
    if "quarterly" in artifact["job_types"]:
        limits.append(_QUARTERLY_LIMIT)
    return {
        "card_schema_version": CARD_SCHEMA_VERSION,
        "name": model.name,
        "title": _TITLES[model.name],
        "version": model.version,
        "date": date,
        "job_types": list(artifact["job_types"]),
        "predicts": f"the probability that {source.label}",
        "method": (
            "Additive model: one monotone step function a feature, from gradient-boosted trees that may not interact, "
            "averaged over fits on random subsamples and recalibrated by logistic regression on a later window"
        ),
        "settings": artifact["trained_on"]["settings"],
        "seed": artifact["trained_on"]["seed"],
        "recalibration": dict(recalibration),
        "features": [
            {
                "name": feature.name,
                "description": feature.description,
                "risk": "never falls as it rises" if feature.risk_direction > 0 else "never rises as it rises",
                "steps": len(table) - 1,
            }
            for feature, table in zip(model.inputs, model.contributions, strict=True)
        ],
        "data": {
            **source.data,
            "sha256": panel.sha256,
            "dropped": {
                "rows_breaking_the_rules_of_the_columns": panel.dropped,
                "events_among_them": panel.dropped_events,
                "rows_with_an_undefined_feature": undefined,
            },
        },
        "split": {name: _window(rows) for name, rows in split.items()},
        "training_grades": dict(training_grades),
        "metrics": dict(metrics),
        "metrics_with_an_input_blank": masked,
        "baselines": baselines,
        "intended_use": source.use,
        "not_for": list(source.not_for),
        "limits": limits,
    }


def _window(rows: Panel) -> dict[str, Any]:
    events = int(np.sum(rows.event))
    return {
        "years": [int(np.min(rows.year)), int(np.max(rows.year))],
        "rows": len(rows),
        "events": events,
        "event_rate": events / len(rows),
    }


def table(cards: list[dict[str, Any]]) -> str:
    """Returns the metrics of several cards and of their baselines for the terminal, a line each."""
    lines = [
        f"{'test window':<20}{'ROC AUC':>9}{'95 % interval':>18}{'PR AUC':>9}{'KS':>8}{'Brier':>9}{'PD / rate':>11}"
    ]
    for content in cards:
        metrics = content["metrics"]
        ratio = metrics["mean_predicted"] / metrics["observed_rate"]
        lines.append(_line(content["name"], metrics) + f"{metrics['brier']:>9.5f}{ratio:>11.3f}")
    if cards:
        lines += [_line(baseline["name"], baseline) for baseline in cards[0]["baselines"]]
    return "\n".join(lines)


def _line(name: str, metrics: Mapping[str, Any]) -> str:
    low, high = metrics["roc_auc_95_interval"]
    interval = f"{low:.4f} to {high:.4f}"
    return f"{name:<20}{metrics['roc_auc']:>9.4f}{interval:>18}{metrics['pr_auc']:>9.4f}{metrics['ks']:>8.4f}"
