#!/usr/bin/env python3
# A terminal for a program: terminal.py COLUMNS LINES PROGRAM [ARGUMENT...].  What the program draws goes to standard
# output; lines of standard input are "keys TEXT" (as a JSON string), "size COLUMNS LINES" and "signal NAME".  In the end
# a line of JSON on standard error says how it ended, and whether the terminal is as it was.
import fcntl, json, os, pty, select, signal, struct, sys, termios

def resize(fd, columns, lines):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', int(lines), int(columns), 0, 0))

master, slave = pty.openpty()
resize(slave, sys.argv[1], sys.argv[2])
before = termios.tcgetattr(slave)
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(slave, fd)
    os.closerange(3, 64)
    os.execv(sys.argv[3], sys.argv[3:])

def obey(line):
    word, _, rest = line.partition(' ')
    if word == 'keys':
        os.write(master, json.loads(rest).encode())
    elif word == 'size':
        resize(slave, *rest.split())
        os.kill(child, signal.SIGWINCH)
    elif word == 'signal':
        os.kill(child, getattr(signal, rest))

waiting, orders, status = [master, 0], b'', None
while status is None:
    ready, _, _ = select.select(waiting, [], [], 0.05)
    if master in ready:
        os.write(1, os.read(master, 65536))
    if 0 in ready:
        piece = os.read(0, 65536)
        if not piece:
            waiting.remove(0)
        *lines, orders = (orders + piece).split(b'\n')
        for line in lines:
            obey(line.decode())
    if master not in ready:
        ended, code = os.waitpid(child, os.WNOHANG)
        status = code if ended else None
while select.select([master], [], [], 0)[0]:  # what it drew between the last look and its end
    os.write(1, os.read(master, 65536))
print(json.dumps({'code': os.waitstatus_to_exitcode(status), 'restored': termios.tcgetattr(slave) == before}), file=sys.stderr)
