// The model cards: performance, intended use and limits.

import { Level, Loading, Page, Problem, Section, useRequest } from "../components.js";
import { html } from "../dom.js";
import { count, percent } from "../format.js";

export function ModelsPage({ api }) {
  const { data, error, reload } = useRequest((signal) => api.get("models", { signal }), []);
  return html`<${Page} title="Models">
    ${error && html`<${Problem} error=${error} reload=${reload} />`}
    ${!data && !error && html`<${Loading}>Loading models…<//>`}
    ${data && byName(data.models).map((model) => html`<${Card} key=${model.name} model=${model} />`)}
  <//>`;
}

// Groups by model, since a model may score several profiles.
function byName(models) {
  const cards = new Map();
  for (const model of models) {
    const card = cards.get(model.name) ?? { ...model, scores: [] };
    card.scores.push(`${model.job_type} ${model.profile}: ${model.basis}`);
    cards.set(model.name, card);
  }
  return [...cards.values()];
}

function Card({ model }) {
  const { metrics, calibration, split } = model;
  const [low, high] = metrics.roc_auc_95_interval;
  const [from, to] = split.test.years;
  return html`<${Section} title=${model.title} intro=${`Predicts ${model.predicts}.`}>
    <dl class="figures">
      <div><dt>ROC AUC, ${from} to ${to}</dt><dd>${metrics.roc_auc.toFixed(3)} <small>${low.toFixed(3)} to ${high.toFixed(3)}</small></dd></div>
      <div><dt>PR AUC</dt><dd>${metrics.pr_auc.toFixed(3)}</dd></div>
      <div><dt>KS</dt><dd>${metrics.ks.toFixed(3)}</dd></div>
      <div><dt>Mean predicted PD</dt><dd>${percent(calibration.mean_predicted)}</dd></div>
      <div><dt>Observed default rate</dt><dd>${percent(calibration.observed_rate)} <small>of ${count(split.test.rows)}</small></dd></div>
    </dl>
    <div class="two">
      <div>
        <h3>Intended use</h3>
        <p>${model.intended_use}</p>
      </div>
      <div>
        <h3>Not intended for</h3>
        <ul>
          ${model.not_for.map((use) => html`<li key=${use}>${use}</li>`)}
        </ul>
      </div>
    </div>
    <div>
      <h3>Observed defaults by level, ${from} to ${to}</h3>
      <table class="plain-table">
        <thead>
          <tr>
            <th scope="col">Level</th>
            <th scope="col" class="figure">Firm-years</th>
            <th scope="col" class="figure">Defaults</th>
            <th scope="col" class="figure">Default rate</th>
          </tr>
        </thead>
        <tbody>
          ${metrics.risk_levels.map(
            (level) =>
              html`<tr key=${level.name}>
                <th scope="row"><${Level} level=${level.name} /></th>
                <td class="figure">${count(level.n)}</td>
                <td class="figure">${count(level.events)}</td>
                <td class="figure">${level.observed === null ? "" : percent(level.observed)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${calibration.calibration_by_size && html`<${BySize} sizes=${calibration.calibration_by_size} years=${`${from} to ${to}`} />`}
    <details>
      <summary>Inputs, method and limits</summary>
      <p>${model.method}.</p>
      <table class="plain-table">
        <thead>
          <tr><th scope="col">Input</th><th scope="col">Risk</th></tr>
        </thead>
        <tbody>
          ${model.features.map(
            (feature) =>
              html`<tr key=${feature.name}><th scope="row">${feature.description}</th><td>${feature.risk}</td></tr>`,
          )}
        </tbody>
      </table>
      <ul>
        ${[...model.scores, ...model.limits].map((line) => html`<li key=${line}>${line}</li>`)}
      </ul>
      <p class="muted small">Version <code>${model.version}</code></p>
    </details>
  <//>`;
}

// Firms as small, middling and large as the thirds of those that the model was trained on.
function BySize({ sizes, years }) {
  return html`<div>
    <h3>Calibration by company size, ${years}</h3>
    <table class="plain-table">
      <thead>
        <tr>
          <th scope="col">Total assets, USD million</th>
          <th scope="col" class="figure">Firm-years</th>
          <th scope="col" class="figure">Defaults</th>
          <th scope="col" class="figure">Expected</th>
          <th scope="col" class="figure">z</th>
          <th scope="col" class="figure">ROC AUC</th>
        </tr>
      </thead>
      <tbody>
        ${sizes.map(
          ({ name, total_assets: [low, high], n, events, expected, z, roc_auc: area }) =>
            html`<tr key=${name}>
              <th scope="row">${range(low, high)}</th>
              <td class="figure">${count(n)}</td>
              <td class="figure">${count(events)}</td>
              <td class="figure">${expected.toFixed(1)}</td>
              <td class="figure">${z.toFixed(1)}</td>
              <td class="figure">${area === null ? "" : area.toFixed(2)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function range(low, high) {
  const [from, to] = [low, high].map((bound) => bound !== null && count(Math.round(bound)));
  if (!from) return `up to ${to}`;
  return to ? `${from} to ${to}` : `above ${from}`;
}
