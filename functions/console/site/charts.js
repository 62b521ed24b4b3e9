// Charts are tables styled by Charts.css, so screen readers read the same data. Their ARIA roles are explicit because some
// browsers drop the table semantics when `display` changes.

import { html } from "./dom.js";
import { count, percent } from "./format.js";

const LEVELS = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];

export function LevelChart({ counts, rows }) {
  return html`<table class="charts-css bar show-labels data-outside data-spacing-4 levels" role="table">
    <caption>
      Rows by risk level
    </caption>
    <tbody role="rowgroup">
      ${LEVELS.map(
        (level) =>
          html`<tr role="row" key=${level}>
            <th scope="row" role="rowheader">${level.toLowerCase()}</th>
            <td role="cell" class=${level.toLowerCase()} style=${{ "--size": rows ? counts[level] / rows : 0 }}>
              <span class="data">${count(counts[level])} <small>${percent(rows ? counts[level] / rows : 0)}</small></span>
            </td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

// Compares the grades with those of the training data, where they are known.
export function GradeChart({ counts, rows, training }) {
  const grades = Object.keys(counts);
  const share = (grade) => (rows ? counts[grade] / rows : 0);
  const trainingShare = training ? (grade) => training.training_grades[grade] / training.training_rows : () => 0;
  const highest = Math.max(...grades.map((grade) => Math.max(share(grade), trainingShare(grade))), 0.01);
  return html`<figure class="chart">
    <table
      class="charts-css column multiple show-labels show-primary-axis data-outside data-spacing-4 datasets-spacing-1 grades"
      role="table"
    >
      <caption>
        Share of rows by risk grade
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">Grade</th>
          <th scope="col" role="columnheader">This file</th>
          ${training && html`<th scope="col" role="columnheader">Training data</th>`}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${grades.map(
          (grade) =>
            html`<tr role="row" key=${grade}>
              <th scope="row" role="rowheader">${grade}</th>
              <td role="cell" class="this-file" style=${{ "--size": share(grade) / highest }} title=${`${count(counts[grade])} rows`}>
                <span class="data">${Math.round(share(grade) * 100)}%</span>
              </td>
              ${training &&
              html`<td role="cell" class="training" style=${{ "--size": trainingShare(grade) / highest }}>
                <span class="data visually-hidden">${percent(trainingShare(grade))}</span>
              </td>`}
            </tr>`,
        )}
      </tbody>
    </table>
    ${training &&
    html`<figcaption class="legend">
      <span><i class="this-file" aria-hidden="true"></i>This file</span>
      <span><i class="training" aria-hidden="true"></i>Training data</span>
    </figcaption>`}
  </figure>`;
}

export function SectorChart({ sectors }) {
  return html`<figure class="chart">
    <table class="charts-css bar multiple stacked show-labels data-spacing-8 sectors" role="table">
      <caption>
        Risk levels by sector
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">Sector</th>
          ${LEVELS.map((level) => html`<th scope="col" role="columnheader" key=${level}>${level.toLowerCase()}</th>`)}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${sectors.map(
          (sector) =>
            html`<tr role="row" key=${sector.sector}>
              <th scope="row" role="rowheader">
                <span>
                  ${sector.sector}
                  <span class="muted small">${count(sector.rows)} rows, mean ${percent(sector.mean_default_probability)}</span>
                </span>
              </th>
              ${LEVELS.map((level) => {
                const rows = sector.by_risk_level[level];
                return html`<td
                  role="cell"
                  key=${level}
                  class=${level.toLowerCase()}
                  style=${{ "--size": rows / sector.rows }}
                  title=${`${count(rows)} ${level.toLowerCase()}`}
                >
                  <span class="data visually-hidden">${count(rows)}</span>
                </td>`;
              })}
            </tr>`,
        )}
      </tbody>
    </table>
    <figcaption class="legend">
      ${LEVELS.map(
        (level) =>
          html`<span key=${level}><i class=${level.toLowerCase()} aria-hidden="true"></i>${level.toLowerCase()}</span>`,
      )}
    </figcaption>
  </figure>`;
}

// Top contributions to the log-odds of a row. `largest` is the largest contribution of all charts shown together.
export function ReasonChart({ factors, largest, describe, company }) {
  const short = (input) => describe(input).split(/[,;]/)[0];
  return html`<table class="charts-css bar show-labels data-outside data-spacing-2 reasons" role="table">
    <caption>
      Top drivers of the score of ${company}, in log-odds
    </caption>
    <tbody role="rowgroup">
      ${factors.map(({ input, contribution }) => {
        const raises = contribution > 0;
        return html`<tr role="row" key=${input}>
          <th scope="row" role="rowheader" title=${describe(input)}><span>${short(input)}</span></th>
          <td role="cell" class=${raises ? "raises" : "lowers"} style=${{ "--size": Math.abs(contribution) / largest }}>
            <span class="data">
              ${raises ? "+" : "−"}${Math.abs(contribution).toFixed(2)}<span class="visually-hidden"> ${raises ? "raises" : "lowers"} the risk</span>
            </span>
          </td>
        </tr>`;
      })}
    </tbody>
  </table>`;
}
