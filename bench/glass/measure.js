// In every page, before its own scripts: writes down when a number was in the document, and when the frame with it was made.
(() => {
    const nextFrame = window.requestAnimationFrame.bind(window);
    const channel = new MessageChannel();
    const tasks = [];
    let isInFrame = false;
    channel.port1.onmessage = () => tasks.shift()();
    const behind = (f) => {
        tasks.push(f);
        channel.port2.postMessage(0);
    };
    window.requestAnimationFrame = (f) =>
        nextFrame((at) => {
            isInFrame = true;
            behind(() => (isInFrame = false));
            f(at);
        });
    // A frame's work (its callbacks, style, layout, paint) is one task of the page; the task behind it finds it done.
    const afterFrame = (f) => (isInFrame ? behind(f) : nextFrame(() => behind(f)));

    window.follow = (selector) => {
        const element = document.querySelector(selector);
        window.shown = [];
        new MutationObserver(() => {
            const seen = { text: element.textContent, domMs: performance.now(), frameMs: 0 };
            afterFrame(() => {
                seen.frameMs = performance.now();
                window.shown.push(seen);
            });
        }).observe(element, { subtree: true, childList: true, characterData: true });
    };
})();
