//! The sandbox's page in Chromium: what a person sees, taps and hears there.
//!
//! Skipped where Chromium, its driver or npm is missing, but not where `CI` is set.

mod browser;
mod sandbox;

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use browser::Browser;
use sandbox::{Host, KEY, Sandbox, root};

/// Generous: only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a host may send by accident or on purpose, and no page may take for markup.
const MARKUP: &str = "<img src=x onerror='document.title=1'>";

struct Page {
    browser: Browser,
    sandbox: Sandbox,
    host: Host,
    checker: String,
    pictures: PathBuf,
}

#[tokio::test]
async fn the_page_is_a_phone() {
    if !has_all(&["chromium", "chromedriver", "npm"]) {
        return;
    }
    let page = Page {
        sandbox: Sandbox::start(),
        host: Host::start(),
        checker: accessibility_checker(),
        pictures: root().join("target/page"),
        browser: Browser::start().await,
    };
    fs::create_dir_all(&page.pictures).expect("the target directory is writable");
    page.browser.set_size(1180, 900).await;
    let client = &page.browser.client;
    client.goto(&page.sandbox.url).await.expect("the page");
    page.until(
        "a connection",
        "return document.querySelector('#connection').dataset.state == 'connected'",
    )
    .await;

    page.is_accessible("nothing has come").await;
    page.a_message_appears_by_itself().await;
    page.a_tap_is_told_to_the_host().await;
    page.buttons_tell_the_host_what_became_of_it().await;
    page.keys_are_enough().await;
    page.formatting_is_whatsapps_own().await;
    page.markup_is_text().await;
    page.what_was_not_accepted_is_on_no_phone().await;
    page.the_key_is_nowhere().await;
    page.another_site_gives_no_orders().await;
    page.a_page_that_is_opened_later_shows_the_same().await;
    page.looks_good_in_every_way().await;
    page.says_that_the_sandbox_has_ended().await;
}

impl Page {
    /// Waits for a script to return true.
    async fn until(&self, what: &str, script: &str) {
        let started = Instant::now();
        while self.browser.run(script).await != json!(true) {
            assert!(started.elapsed() < PATIENCE, "{what} does not come");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    async fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({selector:?}).textContent");
        let text = self.browser.run(&script).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    async fn texts(&self, selector: &str) -> Vec<String> {
        let script = format!(
            "return [...document.querySelectorAll({selector:?})].map(it => it.textContent)"
        );
        serde_json::from_value(self.browser.run(&script).await).expect("texts")
    }

    async fn click(&self, selector: &str) {
        self.browser
            .run(&format!("document.querySelector({selector:?}).click()"))
            .await;
    }

    /// Sends a message, and waits until it is on the page, on top.
    async fn show(&self, message: &Value) -> String {
        let count = self.texts(".message").await.len();
        let response = self.sandbox.send(message);
        self.until(
            "the message",
            &format!(
                "return document.querySelectorAll('.message').length == {}",
                count + 1
            ),
        )
        .await;
        response
    }

    async fn a_message_appears_by_itself(&self) {
        self.browser.run("window.isTheSamePage = true").await;
        let mut message = appointment(&self.host);
        message["post_back_data"] = json!("appointment \"42\" 🌍");
        self.show(&message).await;
        assert_eq!(
            self.browser.run("return window.isTheSamePage").await,
            json!(true),
            "the page was loaded anew"
        );
        assert_eq!(self.text("h3").await, "Nothing has come yet");
        assert_eq!(self.text(".message h3").await, "To +919876543210");
        assert_eq!(self.text(".badge").await, "Accepted");
        assert_eq!(self.text(".bubble-header").await, "Acme Dental");
        assert_eq!(
            self.text(".bubble-body").await,
            "Hi Zoë, your check-up is on Tuesday at 18:00. Is that fine?"
        );
        assert_eq!(self.text(".bubble-footer").await, "Reply within 24 hours");
        let titles = ["↩Yes, I'll come", "↩Another day", "↩Call me"];
        assert_eq!(self.texts(".reply").await, titles);
        self.until(
            "the news of it",
            "return document.querySelector('#news').textContent.includes('A message to +919876543210')",
        )
        .await;

        let told = self.host.post_back();
        assert_eq!(told["status"], "delivered");
        assert_eq!(told["post_back_data"], message["post_back_data"]);
        self.until(
            "the post-back",
            "return document.querySelectorAll('.message .post-back').length == 1",
        )
        .await;
        let shown = self.text(".post-back summary").await;
        assert!(
            shown.starts_with("deliveredresponded with 200 OK"),
            "{shown}"
        );
        // With every digit, which JavaScript's own numbers would lose.
        let message_id = told["message_id"].as_u64().expect("a number");
        let body = self.text(".post-back pre").await;
        assert!(
            body.contains(&format!("\"message_id\": {message_id}")),
            "{body}"
        );
        let request = self.text(".request pre").await;
        assert!(request.contains("x-api-key: ********"), "{request}");
        let response = self.text(".response pre").await;
        assert!(response.starts_with("< 202 Accepted"), "{response}");
    }

    async fn a_tap_is_told_to_the_host(&self) {
        self.click(".reply:nth-child(1)").await;
        let told = self.host.post_back();
        assert_eq!(told["status"], "clicked");
        assert_eq!(told["recipient"], "919876543210");
        self.until(
            "the customer's answer",
            "return document.querySelector('.outgoing .bubble')?.textContent.endsWith(\"Yes, I'll come\")",
        )
        .await;
        self.until(
            "the host's response",
            "return document.querySelectorAll('.message .post-back').length == 2",
        )
        .await;
    }

    async fn buttons_tell_the_host_what_became_of_it(&self) {
        for status in ["sent", "delivered", "read"] {
            self.click(&format!(".orders [value={status}]")).await;
            let told = self.host.post_back();
            assert_eq!(told["status"], status);
            assert_eq!(told["remark"], "");
        }
        self.browser
            .run("document.querySelector('.orders input').value = 'No such \"number\" <b>'")
            .await;
        self.click(".orders [value=failed]").await;
        let told = self.host.post_back();
        assert_eq!(told["status"], "failed");
        assert_eq!(told["remark"], "No such \"number\" <b>");
        assert!(!self.host.has_more_within(Duration::from_millis(100)));
    }

    /// From the address bar on: Tab, Enter, and typing.
    async fn keys_are_enough(&self) {
        self.browser.run("document.activeElement.blur()").await;
        let focused = "return document.activeElement.matches('.reply')";
        let mut steps = 0;
        while self.browser.run(focused).await != json!(true) {
            self.browser.press("Tab", 9, "").await;
            steps += 1;
            assert!(
                steps < 10,
                "no reply button has the focus after {steps} steps"
            );
        }
        let outline = "return getComputedStyle(document.activeElement).outlineStyle";
        assert_eq!(self.browser.run(outline).await, json!("solid"));
        self.browser.press("Enter", 13, "\r").await;
        assert_eq!(self.host.post_back()["status"], "clicked");

        self.browser
            .run("document.querySelector('.orders input').focus()")
            .await;
        self.browser.press("Enter", 13, "\r").await;
        assert_eq!(self.host.post_back()["status"], "failed");
        // What arrives meanwhile takes the focus from nobody.
        self.until(
            "the post-back",
            "return document.querySelectorAll('.message .post-back').length == 8",
        )
        .await;
        let focused = "return document.activeElement.name";
        assert_eq!(self.browser.run(focused).await, json!("remark"));
    }

    async fn formatting_is_whatsapps_own(&self) {
        for (body, expected) in [
            (
                "*bold* _italic_ ~gone~",
                "<strong>bold</strong> <em>italic</em> <s>gone</s>",
            ),
            (
                "`one` and ```a *b*\nc```",
                "<code>one</code> and <code>a *b*\nc</code>",
            ),
            (
                "*_both_*, (*so*)!",
                "<strong><em>both</em></strong>, (<strong>so</strong>)!",
            ),
            ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
            ("* not * _ not_ **", "* not * _ not_ **"),
            ("**** **so**", "**** *<strong>so</strong>*"),
            ("*no\nbreak*", "*no\nbreak*"),
            ("*a <b>b</b>*", "<strong>a &lt;b&gt;b&lt;/b&gt;</strong>"),
        ] {
            self.show(&plain(body)).await;
            let shown = self
                .browser
                .run("return document.querySelector('.bubble-body').innerHTML")
                .await;
            assert_eq!(shown, json!(expected), "{body}");
        }
        let hint = self.text(".hint").await;
        assert!(hint.contains("no post_back_url"), "{hint}");
        let disabled = "return document.querySelector('.reply').disabled \
                        && document.querySelector('.orders').hidden";
        assert_eq!(self.browser.run(disabled).await, json!(true));
    }

    async fn markup_is_text(&self) {
        let mut message = plain(&format!("*{MARKUP}* </p><script>document.title=1</script>"));
        message["phone_id"] = json!(MARKUP);
        message["post_back_data"] = json!(MARKUP);
        message["post_back_url"] = json!(format!("{}/{}", self.host.url, "%3Cb%3E"));
        message["interactive"]["header"] = json!({"type": "text", "text": MARKUP});
        message["interactive"]["footer"] = json!({ "text": MARKUP });
        message["interactive"]["action"]["buttons"][0]["reply"] =
            json!({"id": MARKUP, "title": "<b>bold</b>"});
        self.show(&message).await;
        assert_eq!(self.host.post_back()["post_back_data"], MARKUP);
        assert_eq!(self.text(".bubble-header").await, MARKUP);
        assert_eq!(self.text(".bubble-footer").await, MARKUP);
        assert_eq!(self.text(".reply").await, "↩<b>bold</b>");
        assert!(self.text(".bubble-body").await.contains(MARKUP));
        assert!(self.text(".request pre").await.contains("<img src=x"));

        for media in [
            json!({"type": "document", "document": {"link": "https://example.com/<b>", "filename": MARKUP}}),
            json!({"type": "image", "image": {"id": MARKUP}}),
            json!({"type": "video", "video": {"link": "https://example.com/'onload='a"}}),
        ] {
            let mut message = plain("media");
            message["interactive"]["header"] = media;
            self.show(&message).await;
        }
        let mut refused = message.clone();
        refused["recipient"] = json!(MARKUP);
        self.show(&refused).await;
        let own = "return document.querySelectorAll('main img, main script, main iframe, main b, main a').length";
        assert_eq!(
            self.browser.run(own).await,
            json!(0),
            "markup became elements"
        );
        assert_eq!(
            self.browser.run("return document.title").await,
            json!("zixflow sandbox")
        );
    }

    async fn what_was_not_accepted_is_on_no_phone(&self) {
        for (recipient, badge) in [
            ("15550100003", "401 Unauthorized"),
            ("15550100007", "502 Bad Gateway"),
            ("15550100011", "403 Forbidden"),
            ("15550100012", "503 Service Unavailable"),
        ] {
            let mut message = plain("Shall we?");
            message["recipient"] = json!(recipient);
            self.show(&message).await;
            assert_eq!(self.text(".badge").await, badge);
            assert_eq!(self.text(".phone").await, "Nothing reached the phone.");
        }
        let mut message = plain("Shall we?");
        message["recipient"] = json!("15550100009");
        message["post_back_url"] = json!(self.host.url);
        self.show(&message).await;
        assert_eq!(self.text(".badge").await, "Hung up, but accepted");
        assert_eq!(self.host.post_back()["status"], "delivered");
    }

    async fn the_key_is_nowhere(&self) {
        self.show(&plain(&format!("by mistake: {KEY}"))).await;
        assert_eq!(self.text(".bubble-body").await, "by mistake: ********");
        let whole = self.text("html").await;
        assert!(!whole.contains(KEY), "the key is on the page");
    }

    /// A page of another site, in the same browser.
    async fn another_site_gives_no_orders(&self) {
        let client = &self.browser.client;
        client.goto(&self.host.url).await.expect("the other page");
        let before = self.sandbox_saw();
        for request in [
            "{method: 'POST', mode: 'no-cors', body: '{\"message\":1,\"failed\":\"x\"}'}",
            "{method: 'POST', headers: {'content-type': 'application/json'}, body: '{\"message\":1,\"failed\":\"x\"}'}",
        ] {
            let script = format!(
                "fetch('{}/orders', {request}).then(r => done(r.type), e => done('failed'))",
                self.sandbox.url
            );
            let outcome = self.browser.run_async(&script).await;
            assert!(outcome == "opaque" || outcome == "failed", "{outcome}");
        }
        let script = format!(
            "const events = new EventSource('{}/events'); \
             events.onerror = () => done('refused'); events.addEventListener('welcome', () => done('read'));",
            self.sandbox.url
        );
        assert_eq!(self.browser.run_async(&script).await, json!("refused"));
        assert!(!self.host.has_more_within(Duration::from_millis(200)));
        client.goto(&self.sandbox.url).await.expect("the page");
        self.until(
            "the messages",
            "return document.querySelectorAll('.message').length > 5",
        )
        .await;
        assert_eq!(self.texts(".message").await.len(), before);
    }

    /// How many messages it has had.
    fn sandbox_saw(&self) -> usize {
        MESSAGES_SENT_SO_FAR
    }

    async fn a_page_that_is_opened_later_shows_the_same(&self) {
        let first =
            "return document.querySelector('.message:has(.outgoing) .bubble-header').textContent";
        assert_eq!(self.browser.run(first).await, json!("Acme Dental"));
        let steps = "return [...document.querySelectorAll('.message:has(.outgoing) .post-back strong')].map(it => it.textContent).join()";
        assert_eq!(
            self.browser.run(steps).await,
            json!("delivered,clicked,sent,delivered,read,failed,clicked,failed")
        );
        assert_eq!(self.text("#news").await, "", "what is old is no news");
        self.click("#clear").await;
        assert_eq!(self.texts(".message").await.len(), 0);
    }

    /// In the light and in the dark, wide and narrow: accessible, nothing cut off, and a picture.
    async fn looks_good_in_every_way(&self) {
        for message in gallery(&self.host) {
            self.show(&message).await;
        }
        for _ in 0..3 {
            self.host.post_back();
        }
        self.click("li:nth-child(1) [value=read]").await;
        self.host.post_back();
        self.click("li:nth-child(1) .reply").await;
        self.host.post_back();
        self.until(
            "the tap",
            "return document.querySelectorAll('.outgoing').length == 1",
        )
        .await;
        self.until(
            "the end of every motion",
            "return document.getAnimations().length == 0",
        )
        .await;
        for (scheme, width) in [
            ("light", 1180),
            ("dark", 1180),
            ("light", 320),
            ("dark", 320),
        ] {
            self.browser.set_colours(scheme).await;
            self.browser.set_size(width, 900).await;
            let overflow = "return document.documentElement.scrollWidth - innerWidth";
            let overflow = self.browser.run(overflow).await;
            assert!(overflow.as_i64() <= Some(0), "{width}: {overflow} too wide");
            let name = format!("{scheme}-{width}");
            let picture = self.pictures.join(format!("{name}.png"));
            self.browser.save_picture(&picture).await;
            self.browser
                .run("document.querySelectorAll('details').forEach(it => it.open = true)")
                .await;
            self.is_accessible(&name).await;
            let overflow = "return document.documentElement.scrollWidth - innerWidth";
            let overflow = self.browser.run(overflow).await;
            assert!(
                overflow.as_i64() <= Some(0),
                "{width}, opened: {overflow} too wide"
            );
            self.browser
                .run("document.querySelectorAll('details').forEach(it => it.open = false)")
                .await;
        }
    }

    /// What axe-core finds, which is nothing; and it does find something where there is something.
    async fn is_accessible(&self, when: &str) {
        self.browser.run(&self.checker).await;
        let check = "axe.run(document, {resultTypes: ['violations']}).then(result => done({\
            violations: result.violations.map(it => it.id + ': ' + it.nodes.map(node => node.html + ' ' + node.failureSummary).join('\\n')),\
            passes: result.passes.length}), error => done(String(error)))";
        let result = self.browser.run_async(check).await;
        assert_eq!(result["violations"], json!([]), "{when}");
        assert!(result["passes"].as_u64() > Some(15), "{when}: {result}");

        let spoil =
            "document.querySelector('.bar').append(Object.assign(new Image, {id: 'spoilt'}))";
        self.browser.run(spoil).await;
        let result = self.browser.run_async(check).await;
        self.browser
            .run("document.querySelector('#spoilt').remove()")
            .await;
        let violations = result["violations"].to_string();
        assert!(
            violations.contains("image-alt"),
            "the checker sees nothing: {result}"
        );
    }

    async fn says_that_the_sandbox_has_ended(self) {
        let Page {
            browser, sandbox, ..
        } = self;
        drop(sandbox);
        let started = Instant::now();
        let lost = "return document.querySelector('#connection').textContent";
        while browser.run(lost).await != json!("The sandbox has ended") {
            assert!(started.elapsed() < PATIENCE, "the page does not notice");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

/// One, eight on formatting, five on markup, five that went wrong, and one with the key.
const MESSAGES_SENT_SO_FAR: usize = 1 + 8 + 5 + 5 + 1;

fn plain(body: &str) -> Value {
    json!({
        "recipient": "919876543210",
        "phone_id": "104857600000001",
        "interactive": {
            "type": "button",
            "body": {"text": body},
            "action": {"buttons": [
                {"type": "reply", "reply": {"id": "yes", "title": "Yes"}},
                {"type": "reply", "reply": {"id": "no", "title": "No"}},
            ]},
        },
    })
}

fn appointment(host: &Host) -> Value {
    let mut message = plain("Hi Zoë, your check-up is on *Tuesday at 18:00*. Is that fine?");
    message["post_back_url"] = json!(host.url);
    message["interactive"]["header"] = json!({"type": "text", "text": "Acme Dental"});
    message["interactive"]["footer"] = json!({"text": "Reply within 24 hours"});
    message["interactive"]["action"]["buttons"] = json!([
        {"type": "reply", "reply": {"id": "yes", "title": "Yes, I'll come"}},
        {"type": "reply", "reply": {"id": "other", "title": "Another day"}},
        {"type": "reply", "reply": {"id": "call", "title": "Call me"}},
    ]);
    message
}

/// What the picture shows, last on top.
fn gallery(host: &Host) -> [Value; 4] {
    let mut busy = plain("Shall we deliver today?");
    busy["recipient"] = json!("15550100006");
    let mut invoice =
        plain("Your invoice for October: *€ 42.50*, due on _Friday_. Reference: `A-1042`");
    invoice["recipient"] = json!("4915112345678");
    invoice["post_back_url"] = json!(host.url);
    invoice["interactive"]["header"] = json!({"type": "document", "document": {
        "link": "https://example.com/invoices/A-1042.pdf", "filename": "Invoice A-1042.pdf"}});
    invoice["interactive"]["footer"] = json!({"text": "Acme Energy"});
    let mut failed = plain("Your parcel is at the door. Where shall we leave it?");
    failed["recipient"] = json!("15550100002");
    failed["post_back_url"] = json!(host.url);
    failed["interactive"]["header"] =
        json!({"type": "image", "image": {"link": "https://example.com/parcel.jpg"}});
    [busy, failed, invoice, appointment(host)]
}

fn has_all(tools: &[&str]) -> bool {
    let missing: Vec<&str> = tools
        .iter()
        .copied()
        .filter(|tool| {
            let version = Command::new(tool)
                .arg("--version")
                .stdout(Stdio::null())
                .status();
            !version.is_ok_and(|status| status.success())
        })
        .collect();
    if missing.is_empty() {
        return true;
    }
    let lack = format!("{} not installed", missing.join(" and "));
    assert!(env::var_os("CI").is_none(), "{lack}");
    println!("skipped: {lack}");
    false
}

/// The source of axe-core, as package-lock.json names it.
fn accessibility_checker() -> String {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    for file in ["package.json", "package-lock.json"] {
        let from = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
        fs::copy(from, directory.join(file)).expect("the target directory is writable");
    }
    let installed = Command::new("npm")
        .args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--silent",
        ])
        .current_dir(&directory)
        .status()
        .expect("npm runs");
    assert!(installed.success(), "npm cannot install axe-core");
    fs::read_to_string(directory.join("node_modules/axe-core/axe.min.js")).expect("it is installed")
}
