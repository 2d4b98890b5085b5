// Passkeys need a script (WebAuthn has no other door). All else on these pages works without one.
// A form with data-passkey gets its options from the API, lets the browser answer, and is then sent as it stands.
const credentials = navigator.credentials;
const isAble =
  typeof PublicKeyCredential === 'function' &&
  typeof PublicKeyCredential.parseRequestOptionsFromJSON === 'function' &&
  typeof PublicKeyCredential.parseCreationOptionsFromJSON === 'function';

async function optionsOf(form) {
  const challenge = form.dataset.challenge;
  const reply = await fetch(form.dataset.options, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(challenge ? { challenge } : {}),
  });
  if (!reply.ok) throw new Error(String(reply.status));
  return reply.json();
}

async function answerOf(form) {
  const options = await optionsOf(form);
  if (form.dataset.passkey === 'create') {
    return credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  }
  return credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

function tell(form, text) {
  const place = form.querySelector('[data-passkey-status]');
  place.textContent = text;
  place.hidden = text === '';
}

async function send(form) {
  const button = form.querySelector('button');
  tell(form, '');
  button.setAttribute('aria-busy', 'true');
  try {
    const answer = await answerOf(form);
    form.elements.namedItem('credential').value = JSON.stringify(answer.toJSON());
    form.submit();
  } catch {
    tell(form, form.dataset.failed);
    button.removeAttribute('aria-busy');
  }
}

for (const form of document.querySelectorAll('form[data-passkey]')) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (form.querySelector('button').getAttribute('aria-busy') !== 'true') void send(form);
  });
}
for (const element of document.querySelectorAll('[data-needs-passkeys]')) element.hidden = !isAble;
for (const element of document.querySelectorAll('[data-without-passkeys]')) element.hidden = isAble;
