"""What is asked of any page in a browser."""

from selenium.webdriver.common.by import By


def fits(browser, width: int) -> bool:
    """Check that an open page fits a screen of so many pixels, with all its pictures there, and
    says what scrolls sideways; whether anything does.
    """
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 1000},
    )
    assert browser.execute_script("return document.scrollingElement.scrollWidth") <= width
    for image in browser.find_elements(By.TAG_NAME, "img"):
        assert image.get_attribute("alt")
        assert image.get_property("naturalWidth")
    boxes = browser.execute_script("""
        const said = box => getComputedStyle(box, "::before").content.includes("scroll sideways");
        return [...document.querySelectorAll(".scroll, #list")].map(
            box => [box.scrollWidth > box.clientWidth, said(box)])""")
    assert all(wide == said for wide, said in boxes)
    return any(wide for wide, _ in boxes)
