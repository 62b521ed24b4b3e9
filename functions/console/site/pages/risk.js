// The risk of a whole job: its distribution, its riskiest rows with their reasons, and how far its data can be trusted.

import { GradeChart, LevelChart, ReasonChart, SectorChart } from "../charts.js";
import { html } from "../dom.js";
import { count, percent, plural } from "../format.js";
import { Level, Notice, Problem, Section, Waiting, useAsked } from "../parts.js";
import { whenReady } from "../results.js";

const READINGS = {
  stable: "The grades are spread as in the training data.",
  moderately_shifted: "The grades are spread somewhat unlike the training data.",
  shifted: "The grades are spread unlike the training data. Look first for a wrong unit or one unusual upload.",
  too_few_rows: "There are too few rows to say more.",
};

export function Risk({ api, job }) {
  const { data, error, again } = useAsked((signal) => risk(api, job, signal), [job.id]);
  if (error) return html`<${Section} title="Risk"><${Problem} error=${error} again=${again} /><//>`;
  if (!data) return html`<${Section} title="Risk"><${Waiting}>Reading the risk of all rows …<//><//>`;
  const { summary, describe } = data;
  if (!summary?.default_probability) {
    return html`<${Section} title="Risk"><p class="muted">Nothing is summed up for this job.</p><//>`;
  }
  return html`<${Distribution} summary=${summary} />
    <${Riskiest} summary=${summary} describe=${describe} />
    <${Quality} summary=${summary} />`;
}

async function risk(api, job, signal) {
  const [{ summary }, { models }] = await Promise.all([
    whenReady(api, `jobs/${job.id}/results`, { query: { limit: 1 }, signal }),
    api.get("models", { signal }),
  ]);
  const model = models.find((one) => one.job_type === job.job_type && one.profile === job.profile);
  const names = Object.fromEntries((model?.features ?? []).map(({ name, description }) => [name, description]));
  return { summary, describe: (input) => names[input] ?? input };
}

function Distribution({ summary }) {
  const { default_probability: probability, rows } = summary;
  return html`<${Section} title="Risk" intro="The probability of default within twelve months of the figures.">
    <dl class="figures">
      <div><dt>Mean</dt><dd>${percent(probability.mean)}</dd></div>
      <div><dt>Half of the rows are below</dt><dd>${percent(probability.quantiles.p50)}</dd></div>
      <div><dt>One in twenty is above</dt><dd>${percent(probability.quantiles.p95)}</dd></div>
      <div><dt>Highest</dt><dd>${percent(probability.highest)}</dd></div>
    </dl>
    <div class="two">
      <div>
        <h3>By level</h3>
        <${LevelChart} counts=${summary.by_risk_level} rows=${rows} />
      </div>
      <div>
        <h3>By grade, best to worst</h3>
        <${GradeChart} counts=${summary.by_risk_grade} rows=${rows} training=${summary.population_stability} />
      </div>
    </div>
    <h3>By sector</h3>
    <${SectorChart} sectors=${summary.by_sector} />
    ${summary.other_sectors && html`<p class="muted">And ${plural(summary.other_sectors.rows, "row")} of smaller sectors.</p>`}
  <//>`;
}

function Riskiest({ summary, describe }) {
  const rows = summary.riskiest;
  const sizes = rows.flatMap((row) => row.top_factors.map((factor) => Math.abs(factor.contribution)));
  const largest = Math.max(...sizes, 0.01);
  return html`<${Section}
    title="Riskiest companies"
    intro="What moves each score most: bars to compare, in log-odds. What raises the risk is marked with a plus."
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
            <${ReasonChart} factors=${row.top_factors} largest=${largest} describe=${describe} whose=${row.company_name} />
          </li>`,
      )}
    </ol>
  <//>`;
}

function Quality({ summary }) {
  const { figures, duplicates, population_stability: stability, rows } = summary;
  const noted = figures.filter((figure) => figure.missing > 0 || figure.out_of_range > 0);
  return html`<${Section} title="Data quality">
    <div class="two">
      <div>
        <h3>Compared with the training data</h3>
        ${stability
          ? html`<p><strong>${stability.reading.replaceAll("_", " ")}</strong>, population stability index ${stability.index.toFixed(2)}</p>
              <p class="muted">${READINGS[stability.reading]}</p>`
          : html`<p class="muted">Too few rows to compare.</p>`}
        <h3>Repeated companies and periods</h3>
        ${duplicates.rows === 0
          ? html`<p class="muted">No company and period comes twice.</p>`
          : html`<p>${plural(duplicates.rows, "row")} of ${plural(duplicates.companies_and_periods, "company and period", "companies and periods")} that come more than once.</p>`}
      </div>
      <div>
        <h3>Figures to look at</h3>
        ${noted.length === 0
          ? html`<p class="muted">No figure is missing or outside its usual range.</p>`
          : html`<table class="plain-table">
              <thead>
                <tr><th scope="col">Figure</th><th scope="col" class="figure">Missing</th><th scope="col" class="figure">Out of range</th></tr>
              </thead>
              <tbody>
                ${noted.map(
                  (figure) =>
                    html`<tr key=${figure.name}>
                      <th scope="row"><code>${figure.name}</code></th>
                      <td class="figure">${count(figure.missing)} <small class="muted">${percent(figure.missing / rows)}</small></td>
                      <td class="figure">${count(figure.out_of_range)} <small class="muted">${percent(figure.out_of_range / rows)}</small></td>
                    </tr>`,
                )}
              </tbody>
            </table>
            <p class="muted small">Rows with such figures are scored all the same: a missing ratio counts as the average, one out of range as the outermost.</p>`}
      </div>
    </div>
  <//>`;
}
