// Whatever a hostile or broken peer may do, from outside, against the running program.  Everything is on the
// loopback, and bounded in number and time.
import { finish } from '../support/harness.mjs';
import { makeBakery } from '../support/server.mjs';
import { auth } from './auth.mjs';
import { commands, endings } from './cli.mjs';
import { fullDisk } from './disk.mjs';
import { floods, quiet } from './flood.mjs';
import { crowds, http, slowBody, slowHttp } from './http.mjs';
import { liveSocket } from './live.mjs';
import { rules } from './rules.mjs';
import { overTls } from './tls.mjs';
import { logs } from './log.mjs';
import { makeWorld } from './world.mjs';

const world = await makeWorld(makeBakery(), '--shards', '2');
const second = makeBakery();
try {
    const slow = [slowHttp(world), slowBody(world), overTls(second)];
    await http(world);
    await auth(world);
    await rules(world);
    await liveSocket(world);
    await Promise.all(slow);
    await crowds(second);
    await floods(second);
    await quiet(second);
    await fullDisk(second);
    await logs(second);
    await commands();
    await endings();
} finally {
    await world.stop();
    second.remove();
}
process.exit(finish());
