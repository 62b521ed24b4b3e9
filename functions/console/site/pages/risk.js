// Risk summary of a job: distribution, riskiest rows with their top drivers, and data quality.

import { GradeChart, LevelChart, ReasonChart, SectorChart } from "../charts.js";
import { Level, Loading, Problem, Section, useRequest } from "../components.js";
import { html } from "../dom.js";
import { count, percent, plural } from "../format.js";
import { whenReady } from "../results.js";

const STABILITY_TEXTS = {
  stable: "Grade mix matches the training data.",
  moderately_shifted: "Grade mix differs slightly from the training data.",
  shifted: "Grade mix differs from the training data. Check units first.",
  too_few_rows: "Not enough rows to compare.",
};

export function Risk({ api, job }) {
  const { data, error, reload } = useRequest((signal) => loadRisk(api, job, signal), [job.id]);
  if (error) return html`<${Section} title="Risk"><${Problem} error=${error} reload=${reload} /><//>`;
  if (!data) return html`<${Section} title="Risk"><${Loading}>Loading risk summary…<//><//>`;
  const { summary, describe } = data;
  if (!summary?.default_probability) {
    return html`<${Section} title="Risk"><p class="muted">No risk summary for this job.</p><//>`;
  }
  return html`<${Distribution} summary=${summary} />
    <${Riskiest} summary=${summary} describe=${describe} />
    <${Quality} summary=${summary} />`;
}

async function loadRisk(api, job, signal) {
  const [{ summary }, { models }] = await Promise.all([
    whenReady(api, `jobs/${job.id}/results`, { query: { limit: 1 }, signal }),
    api.get("models", { signal }),
  ]);
  const model = models.find((model) => model.job_type === job.job_type && model.profile === job.profile);
  const names = Object.fromEntries((model?.features ?? []).map(({ name, description }) => [name, description]));
  return { summary, describe: (input) => names[input] ?? input };
}

function Distribution({ summary }) {
  const { default_probability: probability, rows } = summary;
  return html`<${Section} title="Risk" intro="Probability of default within 12 months of the reporting date.">
    <dl class="figures">
      <div><dt>Mean PD</dt><dd>${percent(probability.mean)}</dd></div>
      <div><dt>Median</dt><dd>${percent(probability.quantiles.p50)}</dd></div>
      <div><dt>95th percentile</dt><dd>${percent(probability.quantiles.p95)}</dd></div>
      <div><dt>Maximum</dt><dd>${percent(probability.highest)}</dd></div>
    </dl>
    <div class="two">
      <div>
        <h3>By level</h3>
        <${LevelChart} counts=${summary.by_risk_level} rows=${rows} />
      </div>
      <div>
        <h3>By grade (R01 = safest)</h3>
        <${GradeChart} counts=${summary.by_risk_grade} rows=${rows} training=${summary.population_stability} />
      </div>
    </div>
    <h3>By sector</h3>
    <${SectorChart} sectors=${summary.by_sector} />
    ${summary.other_sectors && html`<p class="muted">${plural(summary.other_sectors.rows, "row")} in other sectors</p>`}
  <//>`;
}

function Riskiest({ summary, describe }) {
  const rows = summary.riskiest;
  const sizes = rows.flatMap((row) => row.top_factors.map((factor) => Math.abs(factor.contribution)));
  const largest = Math.max(...sizes, 0.01);
  return html`<${Section}
    title="Riskiest companies"
    intro="Top drivers of each score. Bars show the change in log-odds; + raises risk, − lowers it."
  >
    <ol class="riskiest">
      ${rows.map(
        (row) =>
          html`<li key=${row.row}>
            <div class="company">
              <span class="company-name">${row.company_name}</span>
              <span class="muted small">
                ${row.company_symbol}, ${row.sector}, ${row.reporting_year}${row.reporting_quarter && ` ${row.reporting_quarter}`}, row ${count(row.row)}
              </span>
              <span class="company-risk"><strong>${percent(row.default_probability)}</strong> <${Level} level=${row.risk_level} /> <span class="muted">${row.risk_grade}</span></span>
            </div>
            <${ReasonChart} factors=${row.top_factors} largest=${largest} describe=${describe} company=${row.company_name} />
          </li>`,
      )}
    </ol>
  <//>`;
}

function Quality({ summary }) {
  const { figures, duplicates, population_stability: stability, rows } = summary;
  const listed = figures.filter((figure) => figure.missing > 0 || figure.out_of_range > 0);
  return html`<${Section} title="Data quality">
    <div class="two">
      <div>
        <h3>Compared with the training data</h3>
        ${stability
          ? html`<p><strong>${stability.reading.replaceAll("_", " ")}</strong>, population stability index ${stability.index.toFixed(2)}</p>
              <p class="muted">${STABILITY_TEXTS[stability.reading]}</p>`
          : html`<p class="muted">Not enough rows to compare.</p>`}
        <h3>Duplicates</h3>
        ${duplicates.rows === 0
          ? html`<p class="muted">No duplicate company-periods.</p>`
          : html`<p>${plural(duplicates.companies_and_periods, "company-period")} with more than one row, ${plural(duplicates.rows, "row")} in total.</p>`}
      </div>
      <div>
        <h3>Missing and out-of-range values</h3>
        ${listed.length === 0
          ? html`<p class="muted">None.</p>`
          : html`<table class="plain-table">
              <thead>
                <tr><th scope="col">Figure</th><th scope="col" class="figure">Missing</th><th scope="col" class="figure">Out of range</th></tr>
              </thead>
              <tbody>
                ${listed.map(
                  (figure) =>
                    html`<tr key=${figure.name}>
                      <th scope="row"><code>${figure.name}</code></th>
                      <td class="figure">${count(figure.missing)} <small class="muted">${percent(figure.missing / rows)}</small></td>
                      <td class="figure">${count(figure.out_of_range)} <small class="muted">${percent(figure.out_of_range / rows)}</small></td>
                    </tr>`,
                )}
              </tbody>
            </table>
            <p class="muted small">These rows are still scored. Missing ratios use the average; out-of-range values are capped.</p>`}
      </div>
    </div>
  <//>`;
}
