import { Agent, request } from 'node:http';

const ATTACKERS = 200;
/** Attackers do not wait as they are told to: each that was turned away tries again so much later. */
const PAUSE_MS = 100;

/** One wrong password for an account of its own, from an address of its own; resolves with the status. */
function guess(url, agent, attacker) {
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': `203.0.113.${attacker}` };
  return new Promise((resolve, reject) => {
    const call = request(`${url}/v1/auth/login`, { method: 'POST', agent, headers }, (reply) => {
      reply.resume().once('end', () => resolve(reply.statusCode));
    });
    call.once('error', reject);
    call.end(JSON.stringify({ username: `attacker-${attacker}@example.com`, password: `wrong ${attacker}` }));
  });
}

/** 200 wrong passwords at a time until stopped. Resolves with how many were checked, and how many turned away. */
export function keepGuessing({ url }) {
  const agent = new Agent({ keepAlive: true, maxSockets: ATTACKERS });
  const told = { checked: 0, refused: 0 };
  let isOver = false;
  const attack = async (attacker) => {
    while (!isOver) {
      const wasChecked = (await guess(url, agent, attacker)) === 401;
      told[wasChecked ? 'checked' : 'refused'] += 1;
      if (!wasChecked) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  const attacks = Array.from({ length: ATTACKERS }, (_, attacker) => attack(attacker));
  return async () => {
    isOver = true;
    await Promise.all(attacks);
    agent.destroy();
    return told;
  };
}
