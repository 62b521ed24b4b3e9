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

_PANEL_LOOKS: Final = 66
"""About 45 configurations and the model chosen before the first release; since then 18 candidates and two of these."""

_FIRMS: Final = {
    "smallest": "firms with total assets up to USD {1} million",
    "middle": "firms with total assets of USD {0} to {1} million",
    "largest": "firms with total assets above USD {0} million",
}
_NOTABLE_Z: Final = 3

_METHOD: Final = (
    "Additive model: one monotone function a feature, piecewise linear and published as steps, all fitted by one "
    "logistic regression with a ridge penalty, and recalibrated by logistic regression on "
)

_QUARTERLY_LIMIT: Final = (
    "Trained on fiscal years: no quarterly outcomes were available, so on quarterly rows the model is not validated."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """The parts of a card that depend on the data: their origin, the meaning of their label, and the intended use.

    `looks` counts how often a model was measured on the test window, this one included: the more, the luckier the best.
    """

    data: Mapping[str, str]
    label: str
    use: str
    not_for: tuple[str, ...]
    looks: int


PANEL_SOURCE: Final = DataSource(
    data=_PANEL, label=_PANEL_LABEL, use=_PANEL_USE, not_for=_PANEL_NOT_FOR, looks=_PANEL_LOOKS
)


def own_source(name: str, label: str, looks: int) -> DataSource:
    """Returns the source for a deployer's own data, described by the deployer's name, label and number of looks."""
    return DataSource(
        data={"name": name},
        label=label,
        use=f"Ranking and grading companies like those of the data ({name}), for review by people.",
        not_for=(_NOT_ALONE, "Companies, countries, sectors and years unlike those of the data"),
        looks=looks,
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
    is_out_of_time: bool,
    metrics: Mapping[str, Any],
    masked: list[dict[str, Any]],
    baselines: list[dict[str, Any]],
    compared: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Returns the card of a trained model, ready for JSON. All metrics are of the test window."""
    limits = list(_RATIO_LIMITS) if model.name != "statements" else []
    if "quarterly" in artifact["job_types"]:
        limits.append(_QUARTERLY_LIMIT)
    limits += limits_by_size(metrics)
    return {
        "card_schema_version": CARD_SCHEMA_VERSION,
        "name": model.name,
        "title": _TITLES[model.name],
        "version": model.version,
        "date": date,
        "job_types": list(artifact["job_types"]),
        "predicts": f"the probability that {source.label}",
        "method": _METHOD
        + ("scores of each year by a model of the years before it" if is_out_of_time else "a later window"),
        "settings": artifact["trained_on"]["settings"],
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
        "looks_at_test_window": source.looks,
        "compared_with_previous": dict(compared) if compared is not None else None,
        "metrics_with_an_input_blank": masked,
        "baselines": baselines,
        "intended_use": source.use,
        "not_for": list(source.not_for),
        "limits": limits,
    }


def limits_by_size(metrics: Mapping[str, Any]) -> list[str]:
    """Returns sentences on the sizes of firms that a model ranks less well, or whose level is off."""
    limits = []
    for third in metrics["calibration_by_size"]:
        firms = _FIRMS[third["name"]].format(*(bound and f"{bound:,.0f}" for bound in third["total_assets"]))
        if third["name"] == "smallest" and third["roc_auc"] is not None and third["roc_auc"] < metrics["roc_auc"]:
            limits.append(
                f"Small firms are ranked less well: among {firms} the ROC AUC is {third['roc_auc']:.2f}, among all "
                f"{metrics['roc_auc']:.2f}."
            )
        if abs(third["z"]) >= _NOTABLE_Z:
            level = "low" if third["z"] > 0 else "high"
            limits.append(
                f"Probabilities of {firms} are too {level}: {third['expected']:.0f} failures were expected in the test "
                f"window, and there were {third['events']} (z {third['z']:+.1f})."
            )
    return limits


def _window(rows: Panel) -> dict[str, Any]:
    events = int(np.sum(rows.event))
    return {
        "years": [int(np.min(rows.year)), int(np.max(rows.year))],
        "rows": len(rows),
        "events": events,
        "event_rate": events / len(rows),
    }


def table(cards: list[dict[str, Any]]) -> str:
    """Returns the metrics of several cards and of their baselines for the terminal."""
    lines = [
        f"{'test window':<20}{'ROC AUC':>9}{'95 % interval':>18}{'PR AUC':>9}{'KS':>8}{'Brier':>9}{'PD / rate':>11}"
    ]
    for content in cards:
        metrics = content["metrics"]
        ratio = metrics["mean_predicted"] / metrics["observed_rate"]
        lines.append(_line(content["name"], metrics) + f"{metrics['brier']:>9.5f}{ratio:>11.3f}")
    if cards:
        lines += [_line(baseline["name"], baseline) for baseline in cards[0]["baselines"]]
    for content in cards:
        lines += ["", *_groups(content)]
    return "\n".join(lines)


def _line(name: str, metrics: Mapping[str, Any]) -> str:
    low, high = metrics["roc_auc_95_interval"]
    interval = f"{low:.4f} to {high:.4f}"
    return f"{name:<20}{metrics['roc_auc']:>9.4f}{interval:>18}{metrics['pr_auc']:>9.4f}{metrics['ks']:>8.4f}"


def _groups(card: Mapping[str, Any]) -> list[str]:
    metrics = card["metrics"]
    lines = [f"{card['name']:<20}{'rows':>9}{'failures':>10}{'expected':>10}{'z':>7}{'ROC AUC':>9}"]
    for group in (*metrics["calibration_by_size"], *metrics["calibration_by_year"]):
        label = f"{group['name']} third" if "name" in group else str(group["year"])
        area = f"{group['roc_auc']:>9.4f}" if group.get("roc_auc") is not None else ""
        lines.append(
            f"{label:<20}{group['n']:>9,}{group['events']:>10,}{group['expected']:>10.1f}{group['z']:>+7.1f}{area}"
        )
    if change := card["compared_with_previous"]:
        lines.append(
            f"against {change['version']}: {change['level_changed']:.2%} of {change['rows']:,} rows change level, "
            f"{change['grade_changed']:.2%} grade; PSI {change['population_stability_index']:.4f}"
        )
    return lines
