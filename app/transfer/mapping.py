"""Which column of a table is which item: guessed from the header, then adjusted by a person.

A header fits an item, best first, by its label in either language, by the item's name, by a common synonym.
A form that has a link item takes words such as `公司名称` for the link and not for its own name. Each item
is used once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from app.design import Form, Item
from app.errors import BadRequest, Message
from app.transfer.readers import Row

UNMAPPED = {"attachment", "table", "readers", "authors"}
HEADER_ROWS = 10  # how far down the header is looked for: sheets often begin with a title

SYNONYMS: dict[str, str] = {
    "code": "编号 代码 编码 客户编号 客户代码 客户编码 联系人编号 业务编号 no number id customercode "
    "customerno customernumber ref reference",
    "name": "名称 姓名 客户名称 客户 公司名称 公司 企业名称 单位名称 单位 全称 联系人 联系人姓名 产品名称 "
    "fullname company companyname customer customername account accountname organisation "
    "organization contact contactname contactperson",
    "short_name": "简称 客户简称 公司简称 shortname abbreviation alias",
    "customer": "客户 所属客户 客户名称 公司 公司名称 单位 单位名称 企业名称 company companyname "
    "customername account accountname organisation organization employer customercode 客户编号 "
    "客户代码",
    "contact": "联系人 联系人姓名 contactperson contactname",
    "class": "分类 类别 客户分类 客户类别 客户类型 类型 category type kind",
    "industry": "行业 所属行业 行业类别 sector",
    "country": "国家 国别 nation",
    "province": "所在省 所在省份 所属省份 省 省份 省市 state",
    "region": "所在地区 所属地区 所在区域 所属区域 地区 区域 大区 销售区域 城市 市 area territory city",
    "address": "地址 通讯地址 联系地址 办公地址 公司地址 详细地址 street streetaddress mailingaddress",
    "postcode": "邮编 邮政编码 zip zipcode postalcode",
    "phone": "电话 电话号码 联系电话 办公电话 固定电话 固话 座机 公司电话 tel telephone telephonenumber "
    "phonenumber officephone businessphone workphone",
    "mobile": "手机 手机号 手机号码 移动电话 cell cellphone mobilephone mobilenumber handphone",
    "fax": "传真 传真号码 传真号 faxnumber telefax",
    "email": "邮箱 电子邮件 电子邮箱 邮件 邮件地址 邮箱地址 e mail mail emailaddress mailaddress",
    "website": "网址 网站 主页 公司网址 url homepage web webpage",
    "ownership": "所有制 企业性质 公司性质 性质",
    "legal_representative": "法人 法人代表 法定代表人 legalperson",
    "business_scope": "经营范围 主营业务 主营 scope businessscope",
    "size": "规模 企业规模 人员规模 公司规模 companysize",
    "importance": "重要程度 重要性 等级 客户等级 级别 priority",
    "status": "状态 客户状态",
    "stage": "阶段 销售阶段 客户阶段 salesstage dealstage",
    "source": "来源 客户来源 信息来源 leadsource origin",
    "owner": "负责人 业务员 销售 销售员 销售人员 客户经理 归属 归属人 所有者 跟进人 责任人 salesperson "
    "salesrep accountmanager responsible assignedto accountowner",
    "team": "协作人 团队 参与人 成员 teammembers",
    "parent_company": "上级公司 母公司 总公司 parentcompany headoffice",
    "remarks": "备注 说明 附注 描述 note notes comment comments remark description memo",
    "department": "部门 所在部门 dept division",
    "title": "职务 职位 职称 标题 业务名称 项目名称 商机名称 主题 jobtitle position role dealname opportunity subject",
    "birthday": "生日 出生日期 出生年月 birthdate dateofbirth dob",
    "gender": "性别 sex",
    "hobbies": "爱好 兴趣 兴趣爱好 interests",
    "amount": "金额 预计金额 合同金额 销售金额 业务金额 value dealvalue total expectedrevenue",
    "currency": "币种 货币",
    "probability": "成功率 成交概率 概率 可能性 winprobability chance",
    "close_date": "预计成交日期 成交日期 预计签约日期 结单日期 closedate expectedclose closingdate",
    "subject": "主题 标题 题目",
    "content": "内容 正文 body text",
    "body": "内容 正文 content text",
    "category": "分类 类别 category",
}
COMPANY = re.compile(r"客户|公司|企业|单位|company|customer|account|organi|employer")
_NOISE = re.compile(r"[((\[【].*?[))\]】]")


def normal(text: Any) -> str:
    """A header without case, width, spaces, punctuation and what stands in brackets."""
    return _normal(str(text))


@lru_cache(maxsize=8192)  # cells of choices repeat the same few words
def _normal(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    bare = _NOISE.sub("", folded) or folded
    return "".join(character for character in bare if character.isalnum())


def mappable(form: Form) -> list[Item]:
    """The items a column can fill."""
    return [item for item in form.items.values() if item.type not in UNMAPPED and not item.computed]


def propose(form: Form, header: Sequence[Any]) -> dict[int, str]:
    """{column index: item name} for the columns that are recognised; the best fits take their items first."""
    items = mappable(form)
    links = {item.name for item in items if item.type == "link"}
    scored = [
        (score, index, item.name)
        for index, text in enumerate(header)
        if text is not None and normal(text)
        for item in items
        if (score := _score(item, normal(text), bool(links)))
    ]
    scored.sort(key=lambda entry: (-entry[0], entry[1]))
    found: dict[int, str] = {}
    used: set[str] = set()
    for _, index, name in scored:
        if index not in found and name not in used:
            found[index] = name
            used.add(name)
    return dict(sorted(found.items()))


def _score(item: Item, header: str, has_links: bool) -> int:
    labels = {normal(item.label.get(language)) for language in ("zh", "en")} if item.label else set()
    if header in labels:
        return 100
    if header == normal(item.name):
        return 90
    if header in _SYNONYMS.get(item.name, frozenset()):
        own_name = item.name == "name" and has_links and COMPANY.search(header)
        return 20 if own_name else 60 if item.type == "link" else 50
    if any(label and len(label) > 1 and (header.endswith(label) or header.startswith(label)) for label in labels):
        return 30
    return 0


_SYNONYMS: dict[str, frozenset[str]] = {
    name: frozenset(normal(word) for word in words.split()) for name, words in SYNONYMS.items()
}


def find_header(form: Form, rows: Iterable[Row]) -> Row:
    """The row most of whose cells are recognised, among the first ten; the first row when none is."""
    best: tuple[int, Row] | None = None
    for position, row in enumerate(rows):
        if position == HEADER_ROWS:
            break
        fits = len(propose(form, row.cells))
        if best is None or fits > best[0]:
            best = (fits, row)
    if best is None:
        raise BadRequest("There are no rows on this sheet.")
    return best[1]


def checked(form: Form, mapping: Mapping[int, str]) -> dict[int, str]:
    """A mapping a person or a file gave. BadRequest when it names an item twice or one that cannot be
    filled."""
    fillable = {item.name for item in mappable(form)}
    used: dict[str, int] = {}
    for index, name in mapping.items():
        if name not in fillable:
            raise BadRequest(
                Message("The form %(name)s has no item %(item)s that a column could fill.", name=form.name, item=name)
            )
        if name in used:
            raise BadRequest(
                Message(
                    "Two columns (%(first)s and %(second)s) are mapped to %(name)s.",
                    first=used[name] + 1,
                    second=index + 1,
                    name=name,
                )
            )
        used[name] = index
    return dict(mapping)


def by_header(form: Form, header: Sequence[Any], wanted: Mapping[str, str | None]) -> dict[int, str]:
    """The proposal with what a mapping file says over it: {header text: item name or None to leave it
    out}."""
    positions: dict[str, int] = {}
    for index, text in enumerate(header):
        if text is not None:
            positions.setdefault(normal(text), index)
    mapping = propose(form, header)
    for text, name in wanted.items():
        index = positions.get(normal(text), -1)
        if index < 0:
            raise BadRequest(Message("There is no column %(text)s in this file.", text=text))
        for other in [position for position, used in mapping.items() if used == name]:
            del mapping[other]
        mapping.pop(index, None)
        if name:
            mapping[index] = name
    return checked(form, mapping)
