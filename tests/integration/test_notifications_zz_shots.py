import asyncio, pytest, re
from uuid import uuid4
from datetime import *
from tests.integration.test_notifications_pages import *
from tests.integration.test_notifications_pages import database, app
async def test_shots(app, database, chromium, free_port):
    org=uuid4(); client=AsgiClient(app); state=await event_with_deliveries(database, org)
    mails={}
    for l in ("de","ar"):
        mails[l]=await mail_of(database, client, state, email=f"leser-{l}@example.org", language=l, name=None)
    n="+493023125110"
    p1=await given.publish_contact(database, phone=n, language="ar")
    await write(client, n, "GARTEN 3 عربي")
    await given.hand_in(database, given.registered(RegistrationConfirmed, state.id, p1, party=3, token="abcdefghijklmnop")); await send_all(database)
    await write(client, n, "الحالة"); await write(client, n, "توقف"); await send_all(database)
    await member_of(database, org, client)
    token=unsubscribe_token(given.VAULT,"seen@example.org")
    async with given.serving(app, free_port()) as base, running_browser(chromium) as browser:
        async with open_page(browser, 800) as page:
            page.on("console", lambda m: print("CONSOLE", m.text)); page.on("requestfailed", lambda r: print("FAILED", r.url, r.failure)); page.on("response", lambda r: print("RESP", r.status, r.url) if "html" in r.url else None)
            await page.goto(base+mails["de"]); await page.wait_for_timeout(800); print([ (f.url, await f.evaluate("document.body.innerText.length")) for f in page.frames])
        for l in ("de","ar"):
            for w in (360,1280):
                async with open_page(browser, w, locale=l) as page:
                    await page.context.add_cookies([{"name": TOKEN_COOKIE, "value": client.cookies[TOKEN_COOKIE], "url": base}])
                    for name,path in {"phone":f"{PHONE}?number=%2B493023125110","mail":mails[l],"unsub":f"/notifications/unsubscribe/{token}","console":f"/notifications/console/{state.id}","mailhtml":mails[l]+"/html"}.items():
                        await page.goto(base+path); await page.wait_for_timeout(300)
                        await page.screenshot(path=f"/tmp/shot-{name}-{l}-{w}.png", full_page=True)
