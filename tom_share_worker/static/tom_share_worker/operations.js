// The overview in Django's admin: draws its charts in the colours of the theme, and says
// when its numbers are old. Without it the numbers and tables are there all the same.
'use strict';
{
  const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const themed = (layout) => {
    const line = colour('--border-color');
    const axis = { gridcolor: line, linecolor: line, zerolinecolor: line };
    return {
      ...layout,
      paper_bgcolor: 'rgba(0,0,0,0)',
      plot_bgcolor: 'rgba(0,0,0,0)',
      font: { color: colour('--body-fg'), family: colour('--font-family-primary') },
      xaxis: { ...layout.xaxis, ...axis },
      yaxis: { ...layout.yaxis, ...axis },
    };
  };

  const draw = () => {
    if (!window.Plotly) return;
    for (const plot of document.querySelectorAll('.share-plot')) {
      const figure = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
      const config = { displayModeBar: false, responsive: true };
      window.Plotly.react(plot, figure.data, themed(figure.layout), config);
    }
  };

  // The admin's button changes an attribute, the system its preference.
  new MutationObserver(draw).observe(document.documentElement, {
    attributes: true,
    attributeFilter: ['data-theme'],
  });
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);

  let open = [];
  const updates = () => document.getElementById('share-updates');
  const stale = (text) => {
    const note = document.querySelector('.share-stale');
    note.textContent = text;
    note.hidden = !text;
  };

  document.addEventListener('htmx:beforeRequest', (event) => {
    const asked = event.detail.requestConfig.triggeringEvent;
    const byItself = !asked || asked.type !== 'click';
    if (byItself && (document.hidden || !updates().checked)) event.preventDefault();
  });
  document.addEventListener('htmx:beforeSwap', () => {
    open = [...document.querySelectorAll('details[open]')].map((each) => each.id);
    stale('');
  });
  document.addEventListener('htmx:afterSwap', () => {
    for (const id of open) document.getElementById(id)?.setAttribute('open', '');
    draw();
  });
  for (const trouble of ['htmx:sendError', 'htmx:responseError', 'htmx:timeout']) {
    document.addEventListener(trouble, () =>
      stale('The numbers are old: this TOM does not answer. They go on by themselves.'));
  }

  draw();
}
