const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const escaped = (text) => String(text).replace(/[&<>"']/g, (character) => ESCAPES[character]);

/** Markup that is safe already. */
class Html {
  constructor(text) {
    this.text = text;
  }
}

/** A template whose values are escaped, unless they are markup themselves. */
function html(strings, ...values) {
  const parts = values.map((value) => {
    if (value === null || value === undefined || value === false) return '';
    if (Array.isArray(value)) return value.map((each) => (each instanceof Html ? each.text : escaped(each))).join('');
    return value instanceof Html ? value.text : escaped(value);
  });
  return new Html(strings.map((text, index) => text + (parts[index] ?? '')).join(''));
}

function page({ title, body, person }) {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title} · Tally</title>
    <link rel="icon" href="/mark.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/tally.css">
  </head>
  <body>
    <header>
      <a class="brand" href="/"><img src="/mark.svg" alt="" width="28" height="28">Tally</a>
      ${person && html`<p class="person">${person.name}</p>`}
    </header>
    <main>${body}</main>
    <footer><p>Tally is an example: an application of somebody else’s, connected to Latchkey by OAuth.</p></footer>
  </body>
</html>`.text;
}

const NOTICES = {
  ended: 'Tally was cut off: the access was withdrawn. Connect again if you want to go on.',
  declined: 'You said no, so nothing is connected.',
  failed: 'That did not work. Try to connect again.',
  disconnected: 'Disconnected. Tally has given its access back.',
};

/** Before anything is connected. */
export function welcomePage(reason) {
  const notice = Object.hasOwn(NOTICES, reason ?? '') ? NOTICES[reason] : null;
  return page({
    title: 'Welcome',
    body: html`
      ${notice && html`<p class="notice ${reason}" role="status">${notice}</p>`}
      <section class="welcome">
        <h1>Every project on one sheet</h1>
        <p class="lead">Tally reads the projects of your account and lets you add to them. It never sees your password.</p>
        <form method="post" action="/connect"><button class="primary">Connect your account</button></form>
        <ul class="facts">
          <li>You sign in at your own account, and see what Tally asks for.</li>
          <li>You can withdraw it there at any time.</li>
        </ul>
      </section>
    `,
  });
}

const count = (projects) => (projects.length === 1 ? '1 project' : `${projects.length} projects`);

const time = (timeMs) => new Date(timeMs).toISOString().slice(11, 19);

function access({ scope, expiresAtMs, renewals }, issuer) {
  return html`
    <section class="card" aria-labelledby="access">
      <h2 id="access">Access</h2>
      <dl>
        <div><dt>Account</dt><dd>${new URL(issuer).host}</dd></div>
        <div><dt>Allowed</dt><dd>${scope.split(' ').map((name) => html`<code>${name}</code> `)}</dd></div>
        <div><dt>This token ends</dt><dd><time>${time(expiresAtMs)}</time> UTC</dd></div>
        <div><dt>Renewed</dt><dd id="renewals">${renewals === 1 ? 'once' : `${renewals} times`}</dd></div>
      </dl>
      <div class="actions">
        <form method="post" action="/renew"><button>Renew now</button></form>
        <form method="post" action="/disconnect"><button>Disconnect</button></form>
        <a href="${issuer}/account/applications">Manage at your account</a>
      </div>
    </section>
  `;
}

/** What the connected account holds. */
export function projectsPage(connection, projects, issuer) {
  return page({
    title: 'Projects',
    person: connection.person,
    body: html`
      <div class="heading"><h1>Projects</h1><p>${count(projects)}</p></div>
      <section class="card" aria-label="Projects">
        ${projects.length === 0 && html`<p class="empty">Nothing here yet. Add the first one.</p>`}
        <ol class="projects">${projects.map(({ id, name }) => html`<li><span>${name}</span><code>${id}</code></li>`)}</ol>
        <form class="add" method="post" action="/projects">
          <label for="name">New project</label>
          <input id="name" name="name" maxlength="200" required autocomplete="off">
          <button class="primary">Add</button>
        </form>
      </section>
      ${access(connection, issuer)}
    `,
  });
}

/** Something else went wrong. */
export function errorPage(message) {
  return page({
    title: 'Error',
    body: html`<section class="welcome"><h1>That did not work</h1><p class="lead">${message}</p><p><a href="/">Back</a></p></section>`,
  });
}
