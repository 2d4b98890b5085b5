import { spawn } from 'node:child_process';

// Waits for the end of its stdin, asks the process to stop, insists after ten seconds, removes the folder.
const script = `
read -r _
kill -s "$1" "$2"
for _ in $(seq 100); do kill -0 "$2" || exec rm -rf "$3"; sleep 0.1; done
kill -s KILL "$2"
rm -rf "$3"`;

/**
 * Ends a service when this process dies, however it dies: a shell waits for the end of a pipe that only we hold.
 * Returns the release, to be called once the service has ended.
 */
export function endWithThisProcess(pid: number, signal: string, folder: string): () => void {
  const guard = spawn('sh', ['-c', script, 'guard', signal.replace(/^SIG/, ''), String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  return () => void guard.kill('SIGKILL');
}
